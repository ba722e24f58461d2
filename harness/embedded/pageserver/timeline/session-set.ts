import type { PgServerConnection } from "../../../wire";

/**
 * The client connections that use a timeline. Nothing ever waits for them: when the timeline goes away, their sockets are
 * destroyed, whether or not the client reads what was written to it.
 */
export class SessionSet {
  readonly #connections = new Set<PgServerConnection>();

  add(connection: PgServerConnection): void {
    if (connection.closed.aborted || this.#connections.has(connection)) return;
    this.#connections.add(connection);
    connection.closed.addEventListener("abort", () => this.#connections.delete(connection), { once: true });
  }

  destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }

  get size(): number {
    return this.#connections.size;
  }
}
