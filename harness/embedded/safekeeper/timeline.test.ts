import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createLogger } from "../service";
import { newAcceptorState, newProgress } from "./acceptor-state";
import { newId } from "./testing/safekeeper-process";
import { WalBuilder } from "./testing/wal-builder";
import { Timeline } from "./timeline";

const START = 0x100_0028n;
const WAL_SEG_SIZE = 1024 * 1024;
const log = createLogger(() => undefined);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A timeline that a proposer of term 1 leads from START on. */
async function startTimeline(): Promise<Timeline> {
  const root = mkdtempSync(join(tmpdir(), "timeline-test-"));
  cleanups.push(() => rmSync(root, { recursive: true }));
  const id = newId();
  const content = { state: newAcceptorState(id), progress: newProgress() };
  const timeline = await Timeline.create({ directory: join(root, "t"), sync: true, nodeId: 1, log }, content);
  cleanups.push(() => timeline.close());
  await timeline.greet({ ...id, protocolVersion: 2, pgVersion: 170005, systemId: 7n, walSegSize: WAL_SEG_SIZE });
  await timeline.vote(1n);
  const termHistory = [{ term: 1n, lsn: START }];
  await timeline.elected({ term: 1n, startStreamingAt: START, termHistory, timelineStartLsn: START });
  return timeline;
}

function messageWith(bytes: number) {
  const builder = new WalBuilder({ startLsn: START });
  builder.fill(bytes);
  const positions = { beginLsn: START, endLsn: builder.end, commitLsn: 0n, truncateLsn: 0n };
  return { term: 1n, ...positions, wal: builder.bytes(), proposerUuid: "" };
}

test("WAL is taken at once where nothing else is under way", async () => {
  const timeline = await startTimeline();
  const message = messageWith(5_000);
  const flushed = new Promise<void>((resolve) => void timeline.flushed.add(resolve));
  expect(timeline.appendAtOnce(message)).toBe("written");
  expect(timeline.writeLsn).toBe(message.endLsn);
  expect(timeline.flushLsn).toBe(START);
  await flushed;
  expect(timeline.flushLsn).toBe(message.endLsn);
});

test("WAL is not taken while a vote is given, and not after it from the proposer before", async () => {
  const timeline = await startTimeline();
  const message = messageWith(5_000);
  const voting = timeline.vote(2n);
  expect(timeline.appendAtOnce(message)).toBeUndefined();
  await Promise.resolve();
  expect(timeline.appendAtOnce(message)).toBeUndefined();
  expect(await voting).toMatchObject({ granted: true, flushLsn: START });
  expect(timeline.writeLsn).toBe(START);
  expect(await timeline.append(message)).toBe("superseded");
  expect(timeline.appendAtOnce(message)).toBe("superseded");
  expect(timeline.writeLsn).toBe(START);
});
