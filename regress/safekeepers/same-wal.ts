import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "../../fixtures";
import type { Branch, Endpoint, Safekeeper } from "../../fixtures";

const WAIT = { timeout: 30_000 };

/** The timeline's end on each safekeeper: term of its last record, and where its WAL ends. */
async function ends(safekeepers: readonly Safekeeper[], { tenantId, timelineId }: Branch): Promise<string[]> {
  const statuses = safekeepers.map((sk) => sk.httpClient().timelineStatus(tenantId, timelineId));
  return (await Promise.all(statuses)).map((status) => `${status.acceptor_state.epoch} ${status.flush_lsn}`);
}

/** Resolves when all of them have the timeline up to the same place. */
export async function waitForSameEnd(safekeepers: readonly Safekeeper[], branch: Branch): Promise<void> {
  const different = async (): Promise<number> => new Set(await ends(safekeepers, branch)).size;
  await expect.poll(different, { ...WAIT, message: "the safekeepers' WAL ends at the same place" }).toBe(1);
}

/**
 * Stops the compute when all of these safekeepers have what it wrote, and holds their segments against each other, byte by
 * byte. What the compute writes at its very end may reach one of them only; then it has to come once more.
 */
export async function expectSameWal(
  endpoint: Endpoint,
  safekeepers: readonly Safekeeper[],
  ids: readonly number[],
): Promise<void> {
  const branch = endpoint.settings;
  for (let round = 0; round < 3; round += 1) {
    if (!endpoint.isRunning()) await endpoint.start({ safekeepers: ids });
    await waitForSameEnd(safekeepers, branch);
    await endpoint.stop({ sksWaitWalreceiverGone: safekeepers });
    if (new Set(await ends(safekeepers, branch)).size === 1) break;
  }
  const [first, ...others] = safekeepers;
  for (const other of others) expectSameSegments(first as Safekeeper, other, branch);
}

/** Neither may be written to meanwhile. */
export function expectSameSegments(first: Safekeeper, second: Safekeeper, { tenantId, timelineId }: Branch): void {
  const names = first.listSegments(tenantId, timelineId);
  expect(names.length).toBeGreaterThan(0);
  expect(second.listSegments(tenantId, timelineId)).toEqual(names);
  for (const name of names) {
    const [one, other] = [first, second].map((sk) => readFileSync(join(sk.timelineDir(tenantId, timelineId), name)));
    expect(one?.equals(other ?? Buffer.alloc(0)), `${name} on ${first.name} and ${second.name}`).toBe(true);
  }
}
