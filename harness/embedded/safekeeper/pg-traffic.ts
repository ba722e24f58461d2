import { Counter, type Registry } from "prom-client";
import type { PgServerConnection } from "../../wire";

type Labels = "app_name" | "client_az" | "dir" | "same_az" | "sk_az";

/** Bytes that went through libpq connections, by who is at the other end. */
export class PgTraffic {
  readonly #live = new Set<PgServerConnection>();
  readonly #ended = new Map<string, { read: number; written: number }>();
  readonly #zone: string;

  constructor(registry: Registry, zone: string | undefined) {
    this.#zone = zone ?? "unknown";
    const counter: Counter<Labels> = new Counter({
      name: "safekeeper_pg_io_bytes_total",
      help: "Bytes read from or written to any PostgreSQL connection",
      labelNames: ["app_name", "client_az", "dir", "same_az", "sk_az"],
      registers: [registry],
      collect: () => this.#collect(counter),
    });
  }

  watch(connection: PgServerConnection): void {
    this.#live.add(connection);
    const end = (): void => {
      this.#live.delete(connection);
      const sum = this.#ended.get(nameOf(connection)) ?? { read: 0, written: 0 };
      this.#ended.set(nameOf(connection), add(sum, connection));
    };
    connection.closed.addEventListener("abort", end, { once: true });
  }

  #collect(counter: Counter<Labels>): void {
    const sums = new Map(this.#ended);
    for (const connection of this.#live) {
      const name = nameOf(connection);
      sums.set(name, add(sums.get(name) ?? { read: 0, written: 0 }, connection));
    }
    counter.reset();
    for (const [app_name, { read, written }] of sums) {
      const labels = { app_name, client_az: "unknown", same_az: "unknown", sk_az: this.#zone };
      counter.inc({ ...labels, dir: "read" }, read);
      counter.inc({ ...labels, dir: "write" }, written);
    }
  }
}

const nameOf = (connection: PgServerConnection): string => connection.parameters.get("application_name") ?? "unknown";

function add(sum: { read: number; written: number }, { socket }: PgServerConnection) {
  return { read: sum.read + socket.bytesRead, written: sum.written + socket.bytesWritten };
}
