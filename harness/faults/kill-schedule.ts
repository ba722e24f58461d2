import type { NeonNode } from "../nodes";
import { describeExit, HarnessError, oneOf } from "../types";
import type { Random } from "../types";
import { sleep } from "../wait";

export interface KillScheduleOptions {
  /** Who may be killed, in the order in which they start; one that stands there twice is killed twice as often. */
  nodes: readonly NeonNode[];
  random: Random;
  /** Between two kills, and before some of the restarts: proof that the rest works. */
  progress: () => Promise<void>;
  /** Whether work can go on while these are down. */
  canWorkWithout: (down: readonly NeonNode[]) => boolean;
}

/** SIGKILLs in an order that follows from the random numbers: one node, or two at a time, and back they come. */
export class KillSchedule {
  readonly #options: KillScheduleOptions;
  readonly #log: string[] = [];

  constructor(options: KillScheduleOptions) {
    this.#options = options;
  }

  /** What was killed, in order; two at a time with a plus sign. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Kills until `count` nodes were killed; all of them run again afterwards. */
  async run(count: number): Promise<void> {
    const { random, progress, canWorkWithout } = this.#options;
    for (let kills = 0; kills < count;) {
      const victims = this.#choose(kills + 1 < count && random(4) === 0 ? 2 : 1);
      kills += victims.length;
      this.#log.push(victims.map(({ name }) => name).join("+"));
      // Into the middle of whatever the last restart has set going.
      await sleep(random(200));
      await Promise.all(victims.map((node) => this.#kill(node)));
      if (canWorkWithout(victims) && random(2) === 0) await progress();
      else await sleep(random(200));
      for (const node of victims) await node.start();
      await progress();
    }
  }

  #choose(count: number): NeonNode[] {
    const victims = new Set<NeonNode>();
    while (victims.size < count) victims.add(oneOf(this.#options.random, this.#options.nodes));
    return [...new Set(this.#options.nodes)].filter((node) => victims.has(node));
  }

  /** A node that is gone already has ended by itself, which no kill of another explains. */
  async #kill(node: NeonNode): Promise<void> {
    const exit = node.endedUnasked();
    await node.kill9();
    if (exit === undefined) return;
    throw new HarnessError("NODE_DIED", {
      summary: `${node.name} ended by itself: ${describeExit(exit)}`,
      expected: "it to run until it is killed",
      logPath: node.logPath,
      facts: { component: node.name, ...exit, killed: this.#log.join(" ") },
    });
  }
}
