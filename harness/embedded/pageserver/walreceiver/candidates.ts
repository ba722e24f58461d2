import type { Lsn } from "../../../types";
import type { SafekeeperTimelineInfo } from "../../broker/client";
import { stats } from "../stats";
import type { Candidate } from "./status";

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;

interface Retry {
  pauseMs: number;
  at: number;
}

/** The safekeepers that have a timeline, as the broker tells, and which of them to stream from. */
export class Candidates {
  readonly #byNode = new Map<bigint, Candidate>();
  readonly #retries = new Map<bigint, Retry>();
  readonly #expiryMs: () => number;

  /** Safekeepers that were silent for `expiryMs` do not count. */
  constructor(expiryMs: () => number) {
    this.#expiryMs = expiryMs;
  }

  update(info: SafekeeperTimelineInfo): void {
    if (info.commitLsn === 0n || info.safekeeperConnstr === "") return;
    if (!this.#byNode.has(info.safekeeperId)) stats.walReceiver.candidatesAdded += 1;
    this.#byNode.set(info.safekeeperId, {
      nodeId: info.safekeeperId,
      connstr: info.safekeeperConnstr,
      commitLsn: info.commitLsn,
      updatedAt: Date.now(),
    });
  }

  all(): Candidate[] {
    const oldest = Date.now() - this.#expiryMs();
    return [...this.#byNode.values()].filter((candidate) => candidate.updatedAt >= oldest);
  }

  /** The one with the highest commit LSN that may be tried now. */
  best(): Candidate | undefined {
    const now = Date.now();
    const ready = this.all().filter((candidate) => (this.#retries.get(candidate.nodeId)?.at ?? 0) <= now);
    return ready.reduce<Candidate | undefined>(
      (best, candidate) => (best === undefined || candidate.commitLsn > best.commitLsn ? candidate : best),
      undefined,
    );
  }

  commitLsnOf(nodeId: bigint): Lsn {
    return this.#byNode.get(nodeId)?.commitLsn ?? 0n;
  }

  /** A connection to the node failed: the node is tried again only after a pause that grows. */
  failed(nodeId: bigint): void {
    const pauseMs = Math.min((this.#retries.get(nodeId)?.pauseMs ?? FIRST_RETRY_MS / 2) * 2, LAST_RETRY_MS);
    this.#retries.set(nodeId, { pauseMs, at: Date.now() + pauseMs });
  }

  /** Until there is news of it. */
  forget(nodeId: bigint): void {
    this.#byNode.delete(nodeId);
  }

  worked(nodeId: bigint): void {
    this.#retries.delete(nodeId);
  }

  /** Milliseconds until a candidate that failed may be tried again; undefined when there is none. */
  msUntilRetry(): number | undefined {
    const known = this.all().flatMap((candidate) => this.#retries.get(candidate.nodeId)?.at ?? []);
    return known.length === 0 ? undefined : Math.max(0, Math.min(...known) - Date.now());
  }
}
