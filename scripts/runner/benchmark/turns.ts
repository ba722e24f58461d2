import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerDirectory } from "../../../harness/process";

export type SideIndex = 0 | 1;

const GO = "!";

type State = "not begun" | "at work" | "waits" | "over";

/**
 * Two runs of which only one works at a time. One has its turn until it asks for its next one, or ends; then the other has it.
 * The second one begins when the first gives way for the first time. Each asks through a socket of its own.
 */
export class Turns implements AsyncDisposable {
  readonly #directory: string;
  readonly #begin: (side: SideIndex) => void;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #states: [State, State] = ["not begun", "not begun"];
  readonly #waiting: [Socket | undefined, Socket | undefined] = [undefined, undefined];

  private constructor(directory: string, begin: (side: SideIndex) => void) {
    this.#directory = directory;
    this.#begin = begin;
  }

  /** `begin` starts a side's run, of which `ended` is to be called at its end. */
  static async open(begin: (side: SideIndex) => void): Promise<Turns> {
    const path = await mkdtemp(join(tmpdir(), "neon-turns-"));
    registerDirectory(path);
    const turns = new Turns(path, begin);
    for (const side of [0, 1] as const) await turns.#listen(side);
    return turns;
  }

  /** Where a side asks for its turns. */
  path(side: SideIndex): string {
    return join(this.#directory, String(side));
  }

  start(side: SideIndex): void {
    this.#states[side] = "at work";
    this.#begin(side);
  }

  /** A run that hasn't begun never will. */
  beginNoMore(): void {
    for (const side of [0, 1] as const) if (this.#states[side] === "not begun") this.#states[side] = "over";
  }

  ended(side: SideIndex): void {
    this.#states[side] = "over";
    this.#giveWay(side);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((done) => server.close(done))));
    await rm(this.#directory, { recursive: true });
  }

  async #listen(side: SideIndex): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", () => this.#asked(side, socket));
    });
    server.listen(this.path(side));
    await once(server, "listening");
    this.#servers.push(server);
  }

  #asked(side: SideIndex, socket: Socket): void {
    this.#states[side] = "waits";
    this.#waiting[side] = socket;
    this.#giveWay(side);
  }

  /** To the other one, if it is there. */
  #giveWay(side: SideIndex): void {
    const other = side === 0 ? 1 : 0;
    switch (this.#states[other]) {
      case "not begun":
        return this.start(other);
      case "waits":
        return this.#go(other);
      case "at work":
        return;
      case "over":
        if (this.#states[side] === "waits") this.#go(side);
    }
  }

  #go(side: SideIndex): void {
    this.#states[side] = "at work";
    this.#waiting[side]?.write(GO);
  }
}
