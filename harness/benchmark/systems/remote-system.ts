import { randomBytes } from "node:crypto";
import type { RemotePostgres, SqlOptions } from "../../nodes";
import { HarnessError } from "../../types";
import type { ComparedSystem } from "./compared-system";

const LONG_MS = 300_000;

/**
 * Somebody else's Postgres: nobody flushes it, weighs it or restarts it. What a benchmark makes there stands in a schema of
 * its own, which goes with it; only pgbench, which knows nothing of schemas, leaves its four tables.
 */
export class RemoteSystem implements ComparedSystem {
  readonly name = "remote";
  readonly isOurs = false;
  readonly #postgres: RemotePostgres;
  readonly #schema = `neon_test_${randomBytes(6).toString("hex")}`;

  constructor(postgres: RemotePostgres) {
    this.#postgres = postgres;
  }

  async makeSchema(): Promise<void> {
    await this.#postgres.query(`create schema ${this.#schema}`);
  }

  async dropSchema(): Promise<void> {
    await this.#postgres.query(`drop schema if exists ${this.#schema} cascade`);
  }

  get connstr(): string {
    return this.#postgres.connstr;
  }

  async query(text: string, values?: readonly unknown[], options: SqlOptions = {}) {
    await using session = await this.connect(options);
    return await session.query(text, values);
  }

  async connect(options: SqlOptions = {}) {
    const session = await this.#postgres.connect({ statementTimeoutMs: LONG_MS, ...options });
    await session.query(`set search_path to ${this.#schema}, public`);
    return session;
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
