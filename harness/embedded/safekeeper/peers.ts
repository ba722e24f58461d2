import type { SafekeeperTimelineInfo } from "../broker/messages";

export type PeerInfo = Omit<SafekeeperTimelineInfo, "safekeeperId"> & { safekeeperId: number };

/** What the safekeepers of one timeline, this one included, last said through the broker. */
export class Peers {
  readonly #latest = new Map<number, { info: PeerInfo; at: number }>();

  record(info: PeerInfo): void {
    this.#latest.set(info.safekeeperId, { info, at: performance.now() });
  }

  /** Those heard of within the last `maxAgeMs`, by id. */
  recent(maxAgeMs: number): PeerInfo[] {
    const oldest = performance.now() - maxAgeMs;
    return [...this.#latest.values()]
      .filter(({ at }) => at >= oldest)
      .map(({ info }) => info)
      .toSorted((a, b) => a.safekeeperId - b.safekeeperId);
  }
}
