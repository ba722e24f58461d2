import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { distribution, identity, makeTestDirectory } from "../../testing";
import { Lsn } from "../../types";
import { segmentStart } from "../wal/segments";
import { findDistribution } from "./distribution";
import { bootstrapImage } from "./image";
import type { ImageManifest } from "./image";

const root = makeTestDirectory("bootstrap");
afterAll(() => rmSync(root, { recursive: true }));

function bootstrap(name: string): Promise<ImageManifest> {
  const where = { cacheDir: join(root, "cache"), outFile: join(root, name) };
  return bootstrapImage({ distribution: distribution(17), identity, ...where });
}

test("initdb runs once for all, and no image shares its bytes with another", async () => {
  const [a, b] = await Promise.all([bootstrap("a"), bootstrap("b")]);
  const untouched = readFileSync(join(root, "b"));
  writeFileSync(join(root, "a"), "damaged", { flag: "r+" });
  const c = await bootstrap("c");
  expect(b).toEqual(a);
  const redoSegment = segmentStart(Lsn.parse(a.redo), a.walSegSize);
  expect(Lsn.parse(a.lsn) - BigInt(a.walPrefixSize)).toBe(redoSegment);
  expect(c).toEqual(a);
  expect(readFileSync(join(root, "b")).equals(untouched)).toBe(true);
  expect(readFileSync(join(root, "c")).equals(untouched)).toBe(true);
  expect(readdirSync(join(root, "cache"))).toEqual([expect.stringMatching(/^initdb-v17-[0-9a-f]{16}\.image$/)]);
});

test("a distribution without its programs is named", () => {
  expect(() => findDistribution(root, 16)).toThrow(/no Postgres 16: expected .*v16\/bin\/postgres/);
});
