import { HarnessError } from "../types";
import { BLOCK_SIZE, FIRST_PORT, LAST_PORT, PortBlock, blockStarts, isFree } from "./port-block";

/** Ports that only this holder uses until it ends; grows by a block when they run out. */
export class PortLease implements AsyncDisposable {
  readonly #blocks: PortBlock[];
  readonly #unused: number[];
  readonly #given = new Set<number>();
  /** Calls of `next` take turns, so that two of them never look at the same port. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(block: PortBlock) {
    this.#blocks = [block];
    this.#unused = block.ports();
  }

  /** A port on which nobody listens now; never the same twice, unless it was released. Throws NO_FREE_PORTS. */
  async next(): Promise<number> {
    const mine = this.#turn.then(async () => this.#nextFree());
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Gives a port back to this lease; it comes last in line again. */
  release(port: number): void {
    if (this.#given.delete(port)) this.#unused.push(port);
  }

  /** Lets others have all of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unused.length = 0;
    await Promise.all(this.#blocks.splice(0).map(async (block) => block.release()));
  }

  async #nextFree(): Promise<number> {
    for (;;) {
      const port = this.#unused.shift() ?? (await this.#grow());
      if (!(await isFree(port))) continue;
      this.#given.add(port);
      return port;
    }
  }

  async #grow(): Promise<number> {
    const block = await claimBlock();
    this.#blocks.push(block);
    const [port, ...rest] = block.ports() as [number, ...number[]];
    this.#unused.push(...rest);
    return port;
  }
}

/** Blocks of ports, disjoint between vitest workers, between runs, and between users of one machine. */
export const PortPool = {
  lease: async (): Promise<PortLease> => new PortLease(await claimBlock()),
} as const;

/** Begins at a place of its own, so that those who start at the same time seldom try the same block. */
async function claimBlock(): Promise<PortBlock> {
  const starts = blockStarts();
  const offset = (process.pid * 7919) % starts.length;
  for (let index = 0; index < starts.length; index += 1) {
    const start = starts[(offset + index) % starts.length];
    const block = start === undefined ? undefined : await PortBlock.tryClaim(start);
    if (block !== undefined) return block;
  }
  throw new HarnessError("NO_FREE_PORTS", {
    summary: "all ports that the harness may use are taken",
    expected: `a free block of ${BLOCK_SIZE} ports between ${FIRST_PORT} and ${LAST_PORT}`,
    found: `${starts.length} blocks, the first port of each in use`,
    todo: "see who has them with `ss -ltnp`; end other runs of neon-test",
  });
}
