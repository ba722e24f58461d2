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

/** Segments and their bytes, but for old ones that are removed while they are read. */
function readSegments(safekeeper: Safekeeper, { tenantId, timelineId }: Branch): Map<string, Buffer> {
  const segments = new Map<string, Buffer>();
  for (const name of safekeeper.listSegments(tenantId, timelineId)) {
    try {
      segments.set(name, readFileSync(join(safekeeper.timelineDir(tenantId, timelineId), name)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      segments.clear();
    }
  }
  return segments;
}

/**
 * Neither may be written to meanwhile. Old segments that nobody needs are removed by each when it gets to that, so both
 * are held against each other from where both begin.
 */
export function expectSameSegments(first: Safekeeper, second: Safekeeper, branch: Branch): void {
  const [ofFirst, ofSecond] = [readSegments(first, branch), readSegments(second, branch)];
  const begins = [ofFirst, ofSecond].map((segments) => segments.keys().next().value ?? "");
  const from = begins.toSorted().at(-1) ?? "";
  const names = [...ofFirst.keys()].filter((name) => name >= from);
  expect(names.length).toBeGreaterThan(0);
  expect([...ofSecond.keys()].filter((name) => name >= from)).toEqual(names);
  for (const name of names) {
    const isSame = ofFirst.get(name)?.equals(ofSecond.get(name) ?? Buffer.alloc(0));
    expect(isSame, `${name} on ${first.name} and ${second.name}`).toBe(true);
  }
}
