import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findIndexPart } from "./find-index";
import { formatIndexPart, type IndexPart } from "./index-part";
import { LocalFs } from "../../service/remote/local-fs";
import { indexObject, remoteTimelinePrefix } from "./paths";

const TENANT = "1".repeat(32);
const TIMELINE = "2".repeat(32);
let root: string;
let remote: LocalFs;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "find-index-"));
  remote = new LocalFs(root, { sync: false });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** An index whose LSN tells of which generation it is. */
async function upload(generation: number): Promise<void> {
  const part: IndexPart = {
    layers: new Map(),
    diskConsistentLsn: BigInt(generation),
    prevRecordLsn: undefined,
    ancestor: undefined,
    latestGcCutoffLsn: 1n,
    initdbLsn: 1n,
    pgVersion: 17,
    deletedAt: undefined,
    lineage: {},
  };
  const key = `${remoteTimelinePrefix(TENANT, TIMELINE)}/${indexObject(generation)}`;
  await remote.uploadBytes(key, Buffer.from(formatIndexPart(part)));
}

test.each([
  [5, [3, 5], 5],
  [6, [3, 5], 5],
  [9, [3, 5], 5],
  [4, [3, 5], 3],
  [2, [3, 5], undefined],
  [16, [10, 15], 15],
])("generation %d with indexes of %j uses %j", async (generation, present, expected) => {
  for (const number of present) await upload(number);
  const found = await findIndexPart(remote, TENANT, TIMELINE, generation);
  expect(found?.diskConsistentLsn).toBe(expected === undefined ? undefined : BigInt(expected));
});
