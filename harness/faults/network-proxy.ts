import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { GOOD_CONDITIONS, Link } from "./link";
import type { LinkConditions } from "./link";

/** `up`: from who connects to what stands behind the proxy; `down`: back. */
export type Direction = "up" | "down";

/**
 * A stretch of network that a test can spoil: it stands between a client (a node, say) and a TCP server, and knows
 * nothing of what they say. Everything is for all connections, those that exist and those to come.
 */
export class NetworkProxy implements AsyncDisposable {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #links: Record<Direction, Link> = { up: new Link(), down: new Link() };
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #connections = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.unref();
  }

  /** Listens on 127.0.0.1; port 0 (default) is any that is free. */
  static async start(target: { host: string; port: number }, port = 0): Promise<NetworkProxy> {
    const proxy = new NetworkProxy(target);
    proxy.#server.listen(port, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections were made so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Latency and bandwidth of one direction, or of both. */
  set(conditions: Partial<LinkConditions>, direction?: Direction): void {
    for (const each of direction === undefined ? (["up", "down"] as const) : [direction]) {
      this.#links[each].set(conditions);
    }
  }

  /** One way only: nothing comes through in this direction, while the other works and connections stay. */
  block(direction: Direction): void {
    this.set({ isBlocked: true }, direction);
  }

  /** Resets all connections, and every new one at once. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** A good network again; what was blocked comes through now. */
  heal(): void {
    this.#isCut = false;
    this.set(GOOD_CONDITIONS);
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    this.#connections += 1;
    if (this.#isCut) return void client.resetAndDestroy();
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const pair = [client, server];
    for (const socket of pair) {
      this.#sockets.add(socket);
      // A connection that breaks on one side breaks on the other, in the same way.
      socket.on("error", () => pair.forEach((each) => each.resetAndDestroy()));
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (!socket.readableEnded || !socket.writableFinished) pair.forEach((each) => each.destroy());
      });
    }
    void this.#links.up.carry(client, server);
    void this.#links.down.carry(server, client);
  }
}
