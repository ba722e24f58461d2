import type { NeonEnv } from "../../../harness/env";
import type { NeonEnvSettings } from "../../../harness/env/settings";
import type { VanillaPostgres } from "../../../harness/nodes";

/** What the measurements of `npm run bench:engine` work with. */
export interface Bench {
  /** Starts an environment, runs `work` in it and takes it down. */
  withEnv<T>(settings: Partial<NeonEnvSettings>, work: (env: NeonEnv) => Promise<T>): Promise<T>;
  /** Plain Postgres of the same version, stopped and removed at the end. */
  withPostgres<T>(work: (ground: PostgresGround) => Promise<T>): Promise<T>;
}

export interface PostgresGround {
  /** A new database, not started. */
  readonly make: (name: string) => Promise<VanillaPostgres>;
  /** A standby of a server that does not run yet, under this application name; not started. */
  readonly makeStandby: (primary: VanillaPostgres, name: string) => Promise<VanillaPostgres>;
}

/** One number with what it must keep. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One round of a measurement; the medians over the rounds are reported, row by row. */
export interface Measurement {
  readonly name: string;
  readonly rounds: number;
  run(bench: Bench): Promise<Row[]>;
}

export const MEGABYTE = 1024 * 1024;

export async function seconds<T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> {
  const begin = performance.now();
  const result = await work();
  return [(performance.now() - begin) / 1000, result];
}
