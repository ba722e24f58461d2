import type { SqlOptions, VanillaPostgres } from "../../nodes";
import type { Benchmark } from "../measure/benchmark";
import type { ComparedSystem } from "./compared-system";
import { pidsOf } from "./pids";

const MEGABYTE = 1024 * 1024;
const LONG_MS = 300_000;

/** What a compute has, too, where it decides how fast things are. */
export const VANILLA_SETTINGS = ["shared_buffers=8MB", "max_connections=100", "wal_level=logical", "max_wal_size=1GB"];

/** A plain Postgres of the computes' version, on this machine's disk. */
export class VanillaSystem implements ComparedSystem {
  readonly name = "vanilla";
  readonly isOurs = true;
  readonly postgres: VanillaPostgres;

  constructor(postgres: VanillaPostgres) {
    this.postgres = postgres;
  }

  get connstr(): string {
    return this.postgres.connstr;
  }

  query(text: string, values?: readonly unknown[], options: SqlOptions = {}) {
    return this.postgres.query(text, values, { statementTimeoutMs: LONG_MS, ...options });
  }

  connect(options: SqlOptions = {}) {
    return this.postgres.connect({ statementTimeoutMs: LONG_MS, ...options });
  }

  async flush(): Promise<void> {
    await this.query("checkpoint");
  }

  async compact(): Promise<void> {}

  async restart(): Promise<void> {
    await this.postgres.stop();
    await this.postgres.start();
  }

  pids(): ReadonlyMap<string, number> {
    return pidsOf([this.postgres]);
  }

  bytesWritten(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async recordSize(benchmark: Benchmark): Promise<void> {
    benchmark.record("data size", this.postgres.getSubdirSize("base") / MEGABYTE, "MB", "lower");
    benchmark.record("wal size", this.postgres.getSubdirSize("pg_wal") / MEGABYTE, "MB", "lower");
  }
}
