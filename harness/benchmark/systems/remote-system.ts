import type { RemotePostgres, SqlOptions } from "../../nodes";
import { HarnessError } from "../../types";
import type { ComparedSystem } from "./compared-system";

const LONG_MS = 300_000;

/** Somebody else's Postgres: nobody flushes it, weighs it or restarts it. */
export class RemoteSystem implements ComparedSystem {
  readonly name = "remote";
  readonly isOurs = false;
  readonly #postgres: RemotePostgres;

  constructor(postgres: RemotePostgres) {
    this.#postgres = postgres;
  }

  get connstr(): string {
    return this.#postgres.connstr;
  }

  query(text: string, values?: readonly unknown[], options: SqlOptions = {}) {
    return this.#postgres.query(text, values, { statementTimeoutMs: LONG_MS, ...options });
  }

  connect(options: SqlOptions = {}) {
    return this.#postgres.connect({ statementTimeoutMs: LONG_MS, ...options });
  }

  async flush(): Promise<void> {}

  async compact(): Promise<void> {}

  restart(): Promise<void> {
    throw new HarnessError("MISUSE", {
      summary: "a remote Postgres can't be restarted",
      todo: "ask system.isOurs before",
    });
  }

  pids(): ReadonlyMap<string, number> {
    return new Map();
  }

  bytesWritten(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async recordSize(): Promise<void> {}
}
