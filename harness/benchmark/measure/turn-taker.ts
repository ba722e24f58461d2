import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

const ASK = "?";

/**
 * One side of a comparison whose two sides run at the same time and work in turn: it asks whoever compares for its turn, by a
 * byte through a socket, and has it when a byte comes back. It keeps its turn until it asks for the next one.
 */
export class TurnTaker {
  readonly #socket: Socket;
  #goOn: () => void = () => undefined;
  #waiting: Promise<void> | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.unref();
    socket.on("data", () => this.#goOn());
    // By breaking or in order: whoever compares is gone, and there is nobody to give way to.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#goOn());
  }

  static async connect(path: string): Promise<TurnTaker> {
    const socket = connect(path);
    await once(socket, "connect");
    return new TurnTaker(socket);
  }

  /** Gives way, and waits; whoever else asks meanwhile waits for the same turn. */
  next(): Promise<void> {
    return (this.#waiting ??= this.#wait().finally(() => (this.#waiting = undefined)));
  }

  async #wait(): Promise<void> {
    if (this.#socket.closed) return;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      this.#socket.write(ASK);
    });
  }
}
