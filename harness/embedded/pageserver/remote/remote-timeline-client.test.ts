import { afterEach, expect, test, vi } from "vitest";
import { createLogger } from "../../service";
import { LocalFs } from "../../service/remote/local-fs";
import { DeletionQueue } from "./deletion-queue";
import { parseIndexPart } from "./index-part";
import { RemoteTimelineClient } from "./remote-timeline-client";

const INDEX = `{"version":10,"layer_metadata":{},"disk_consistent_lsn":"0/1556C70","metadata_bytes":{"disk_consistent_lsn":"0/1556C70","prev_record_lsn":"0/1554C20","ancestor_timeline":null,"ancestor_lsn":"0/0","latest_gc_cutoff_lsn":"0/14EC330","initdb_lsn":"0/14EC330","pg_version":17},"lineage":{}}`;

afterEach(() => vi.useRealTimers());

test("an upload that fails after the stop is not waited for again", { timeout: 5000 }, async () => {
  // Nobody moves this clock: a pause would never end.
  vi.useFakeTimers();
  let fail = (): void => undefined;
  const log = createLogger(() => undefined);
  const remote = new LocalFs("/nowhere", { sync: false });
  const begun = new Promise<void>((resolve) => {
    remote.uploadBytes = () => {
      resolve();
      return new Promise((_, reject) => (fail = () => reject(new Error("no answer"))));
    };
  });
  const client = new RemoteTimelineClient({
    ...{ remote, log, shardId: "1".repeat(32), timelineId: "2".repeat(32), remoteConsistentLsn: 0n },
    deletions: new DeletionQueue(remote, async () => new Set(), log),
  });
  client.schedule([], 1, parseIndexPart(INDEX));
  await begun;
  const stopped = client.stop();
  fail();
  await stopped;
  expect(client.remoteConsistentLsn).toBe(0n);
});
