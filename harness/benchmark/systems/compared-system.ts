import type { SqlOptions, SqlRow, SqlSession } from "../../nodes";
import type { Benchmark } from "../measure/benchmark";
import type { SystemName } from "../results/line";

/** What a benchmark can ask of any Postgres: one of Neon's, a plain one, or somebody else's. */
export interface ComparedSystem {
  readonly name: SystemName;
  /** For client programs such as pgbench. */
  readonly connstr: string;
  query(text: string, values?: readonly unknown[], options?: SqlOptions): Promise<SqlRow[]>;
  connect(options?: SqlOptions): Promise<SqlSession>;
  /** Brings everything that was written so far to where it stays: Neon's layers, a checkpoint; nothing on a remote. */
  flush(): Promise<void>;
  /** Merges what was flushed, where the system does such a thing. */
  compact(): Promise<void>;
  /** Whether it can be stopped and started. */
  readonly isOurs: boolean;
  /** Stops and starts Postgres; resolves when it takes connections. */
  restart(): Promise<void>;
  /** Processes by name: who is asked for memory and processor time. */
  pids(): ReadonlyMap<string, number>;
  /** Bytes that the storage below it has written since it started; undefined where nobody counts them. */
  bytesWritten(): Promise<number | undefined>;
  /** Records what the data takes. */
  recordSize(benchmark: Benchmark): Promise<void>;
}
