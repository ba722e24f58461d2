import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lsn } from "../../types";
import { segmentStart } from "../wal/segments";
import { findDistribution } from "./distribution";
import { bootstrapImage } from "./image";
import type { ImageManifest } from "./image";

const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "bootstrap-"));
  if (identity !== undefined) chownSync(root, identity.uid, identity.gid);
  mkdirSync(join(root, "distrib"));
  symlinkSync(resolve(`node_modules/pg17-${process.platform}-${process.arch}/native`), join(root, "distrib", "v17"));
});

afterAll(() => rmSync(root, { recursive: true }));

function bootstrap(name: string): Promise<ImageManifest> {
  const distribution = findDistribution(join(root, "distrib"), 17);
  return bootstrapImage({ distribution, cacheDir: join(root, "cache"), outFile: join(root, name), identity });
}

test("initdb runs once for all, and no image shares its bytes with another", async () => {
  const [a, b] = await Promise.all([bootstrap("a"), bootstrap("b")]);
  const untouched = readFileSync(join(root, "b"));
  writeFileSync(join(root, "a"), "damaged", { flag: "r+" });
  const c = await bootstrap("c");
  expect(b).toEqual(a);
  const redoSegment = segmentStart(Lsn.parse(a.initdbLsn), a.walSegSize);
  expect(Lsn.parse(a.lsn) - BigInt(a.walPrefixSize)).toBe(redoSegment);
  expect(c).toEqual(a);
  expect(readFileSync(join(root, "b")).equals(untouched)).toBe(true);
  expect(readFileSync(join(root, "c")).equals(untouched)).toBe(true);
  expect(readdirSync(join(root, "cache"))).toEqual([expect.stringMatching(/^initdb-v17-[0-9a-f]{16}\.image$/)]);
});

test("a distribution without its programs is named", () => {
  expect(() => findDistribution(join(root, "distrib"), 16)).toThrow(/no Postgres 16: expected .*v16\/bin\/postgres/);
});
