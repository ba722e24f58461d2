import { expect, test } from "vitest";
import { TenantId, TimelineId } from "../../../types";
import { Candidates } from "./candidates";

const info = (safekeeperId: bigint, commitLsn: bigint) => ({
  safekeeperId,
  commitLsn,
  tenantId: TenantId.generate(),
  timelineId: TimelineId.generate(),
  lastLogTerm: 1n,
  term: 1n,
  flushLsn: commitLsn,
  backupLsn: 0n,
  remoteConsistentLsn: 0n,
  peerHorizonLsn: 0n,
  localStartLsn: 0n,
  standbyHorizon: 0n,
  safekeeperConnstr: `127.0.0.1:${safekeeperId}`,
  httpConnstr: "",
});

test("the safekeeper with the highest commit LSN is used, and another one at once when it fails", () => {
  const candidates = new Candidates(() => 10_000);
  candidates.update(info(1n, 100n));
  candidates.update(info(2n, 200n));
  candidates.update(info(3n, 0n));
  expect(candidates.best()?.nodeId).toBe(2n);
  candidates.failed(2n);
  expect(candidates.best()?.nodeId).toBe(1n);
  candidates.failed(1n);
  expect(candidates.best()).toBeUndefined();
  expect(candidates.msUntilRetry()).toBeLessThanOrEqual(50);
  candidates.worked(2n);
  expect(candidates.best()?.nodeId).toBe(2n);
});

test("a safekeeper that says nothing any more does not count", () => {
  const candidates = new Candidates(() => -1);
  candidates.update(info(1n, 100n));
  expect(candidates.best()).toBeUndefined();
});
