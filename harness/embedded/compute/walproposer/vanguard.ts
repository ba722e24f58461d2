import type { Lsn } from "../../../types";
import { quorumOf } from "./quorum";

interface Member {
  readonly flushLsn: Lsn;
  readonly connected: boolean;
}

/**
 * The safekeepers that get new WAL at once: the first majority of those that are connected. The others get it a moment later,
 * more of it in each message. Where one of those answers first, it changes places with the slowest of the vanguard.
 */
export class Vanguard<M extends Member> {
  readonly #order: M[] = [];

  add(member: M): void {
    this.#order.push(member);
  }

  includes(member: M): boolean {
    let before = 0;
    for (const each of this.#order) {
      if (each === member) break;
      if (each.connected) before += 1;
    }
    return before < quorumOf(this.#order.length);
  }

  /** A majority has more WAL because of this member's answer. */
  neededAnswerOf(member: M): void {
    if (this.includes(member)) return;
    const slowest = this.#order
      .filter((each) => each.connected && this.includes(each))
      .reduce((min, each) => (each.flushLsn < min.flushLsn ? each : min), member);
    const [to, from] = [this.#order.indexOf(slowest), this.#order.indexOf(member)];
    this.#order[to] = member;
    this.#order[from] = slowest;
  }
}
