import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { cacheDir, distribution, identity, makeTestDirectory } from "../../../testing";
import { bootstrapImage } from "../../pg/image";
import { SafekeeperDirectories } from "../../safekeeper/testing/safekeeper-process";
import { Cluster } from "./cluster";

/** Three safekeepers for the tests of a file, and a timeline of its own for each test. */
export function useCluster(name: string): Cluster {
  const directory = makeTestDirectory(name);
  const imageFile = join(directory, "base.image");
  const safekeeperDirectories = new SafekeeperDirectories();
  const cluster = new Cluster({ directory, imageFile, safekeeperDirectories });
  beforeAll(() => bootstrapImage({ distribution: distribution(17), cacheDir, outFile: imageFile, identity }));
  beforeEach(() => cluster.newTimeline());
  afterEach(() => cluster.dropTimeline());
  afterAll(async () => {
    await cluster.destroy();
    safekeeperDirectories[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  return cluster;
}
