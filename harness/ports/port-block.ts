import { createServer } from "node:net";
import type { Server } from "node:net";
import { errnoOf } from "../types";

export const FIRST_PORT = 15_000;
/** Below 32768, where the kernel begins to give out ports for outgoing connections. */
export const LAST_PORT = 31_999;
export const BLOCK_SIZE = 64;
const LOOPBACK = "127.0.0.1";

/**
 * A block of ports that belongs to whoever listens on its first port. The kernel lets go of it when its holder dies,
 * whatever it dies of, so there are no stale locks; and it knows nothing of users, so runs of other users count, too.
 */
export class PortBlock {
  readonly first: number;
  readonly #lock: Server;

  private constructor(first: number, lock: Server) {
    this.first = first;
    this.#lock = lock;
  }

  /** undefined when somebody else has it. */
  static async tryClaim(first: number): Promise<PortBlock | undefined> {
    const lock = await listen(first);
    if (lock === undefined) return undefined;
    lock.unref();
    return new PortBlock(first, lock);
  }

  /** The ports that may be used: all but the first. */
  ports(): number[] {
    return Array.from({ length: BLOCK_SIZE - 1 }, (_, index) => this.first + 1 + index);
  }

  async release(): Promise<void> {
    await close(this.#lock);
  }
}

/** The first ports of all blocks. */
export function blockStarts(): number[] {
  const count = Math.floor((LAST_PORT + 1 - FIRST_PORT) / BLOCK_SIZE);
  return Array.from({ length: count }, (_, index) => FIRST_PORT + index * BLOCK_SIZE);
}

/** Can we bind it now? get-port would ask the same, but its locks are per process and it falls back to random ports. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await close(server);
  return true;
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if (["EADDRINUSE", "EACCES"].includes(errnoOf(error) ?? "")) resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => resolve(server));
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}
