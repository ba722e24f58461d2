import { expect, test } from "vitest";
import { formatIndexPart, parseIndexPart } from "./index-part";

// Recorded from Neon (golden/run/41_remote_json), a branch and a timeline with layers.
const BRANCH = `{"version":10,"layer_metadata":{},"disk_consistent_lsn":"0/18D4B88","metadata_bytes":{"disk_consistent_lsn":"0/18D4B88","prev_record_lsn":"0/18D4B50","ancestor_timeline":"22222222222222222222222222222222","ancestor_lsn":"0/18D4B88","latest_gc_cutoff_lsn":"0/14EC330","initdb_lsn":"0/14EC330","pg_version":17},"lineage":{}}`;
const ROOT = `{"version":10,"layer_metadata":{"000000000000000000000000000000000000-030000000000000000000000000000000002__00000000014EC3E0":{"file_size":3858432,"generation":1}},"disk_consistent_lsn":"0/1556C70","metadata_bytes":{"disk_consistent_lsn":"0/1556C70","prev_record_lsn":"0/1554C20","ancestor_timeline":null,"ancestor_lsn":"0/0","latest_gc_cutoff_lsn":"0/14EC330","initdb_lsn":"0/14EC330","pg_version":17},"lineage":{}}`;

test.each([BRANCH, ROOT])("what Neon wrote is read and written back byte by byte", (text) => {
  expect(formatIndexPart(parseIndexPart(text))).toBe(text);
});

test("ancestor, layers and deletion are found", () => {
  expect(parseIndexPart(BRANCH).ancestor).toEqual({ timelineId: "2".repeat(32), lsn: 0x18d4b88n });
  expect([...parseIndexPart(ROOT).layers.values()]).toEqual([{ fileSize: 3858432, generation: 1 }]);
  const deleted = { ...parseIndexPart(ROOT), deletedAt: "2026-11-22T12:51:43.607Z" };
  expect(parseIndexPart(formatIndexPart(deleted)).deletedAt).toBe("2026-11-22T12:51:43.607Z");
});

test("another version is refused", () => {
  expect(() => parseIndexPart(ROOT.replace(":10", ":99"))).toThrow("version 99");
});
