import type { SqlSession } from "../../nodes";
import type { Random } from "../../types";
import type { ComparedSystem } from "../systems/compared-system";
import { Latencies } from "./latencies";
import type { LatencySummary } from "./latencies";

/** pgbench's own three, by its names. */
export const SCRIPTS = ["tpcb-like", "simple-update", "select-only"] as const;
export type Script = (typeof SCRIPTS)[number];

const ACCOUNTS = 100_000;
const TELLERS = 10;

export interface LoadOptions {
  readonly script: Script;
  readonly clients: number;
  /** How long the clients go on. */
  readonly durationMs: number;
  /** pgbench's scale: 100,000 accounts each. */
  readonly scale: number;
  readonly random: Random;
}

export interface LoadResult {
  readonly transactions: number;
  readonly seconds: number;
  readonly tps: number;
  readonly latency: LatencySummary;
}

/** pgbench's four tables, filled by the server, as with `pgbench -i -I dtGvp`. */
export async function initTables(
  system: ComparedSystem,
  scale: number,
  onStep: <T>(name: string, work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await system.query(statement);
  };
  await onStep("create tables", async () =>
    run([
      "drop table if exists pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history",
      "create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
      "create table pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100)",
      "create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100)",
      "create table pgbench_branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100)",
    ]),
  );
  await onStep("generate", async () =>
    run([
      `insert into pgbench_branches (bid, bbalance) select i, 0 from generate_series(1, ${scale}) i`,
      `insert into pgbench_tellers (tid, bid, tbalance) select i, (i - 1) / ${TELLERS} + 1, 0 from generate_series(1, ${scale * TELLERS}) i`,
      `insert into pgbench_accounts (aid, bid, abalance, filler) select i, (i - 1) / ${ACCOUNTS} + 1, 0, '' from generate_series(1, ${scale * ACCOUNTS}) i`,
    ]),
  );
  const tables = ["branches", "tellers", "accounts"];
  await onStep("vacuum", async () => run([...tables, "history"].map((name) => `vacuum analyze pgbench_${name}`)));
  await onStep("primary keys", async () =>
    run(tables.map((name) => `alter table pgbench_${name} add primary key (${name.charAt(0)}id)`)),
  );
}

/** Clients that run transactions as pgbench does, by simple queries, each as soon as the last one is answered. */
export async function runTransactions(system: ComparedSystem, options: LoadOptions): Promise<LoadResult> {
  const sessions = await Promise.all(
    Array.from({ length: options.clients }, async () => system.connect({ recorded: false })),
  );
  const latencies = new Latencies();
  const begin = performance.now();
  const end = begin + options.durationMs;
  try {
    await Promise.all(
      sessions.map(async (session) => {
        for (let now = performance.now(); now < end;) {
          await session.query(transactionText(options));
          const after = performance.now();
          latencies.add(after - now);
          now = after;
        }
      }),
    );
    const seconds = (performance.now() - begin) / 1000;
    const transactions = latencies.count;
    return { transactions, seconds, tps: transactions / seconds, latency: latencies.summary() };
  } finally {
    await Promise.all(sessions.map((session: SqlSession) => session.close()));
  }
}

/** One transaction as one message: a round trip each would measure this process more than Postgres. */
function transactionText({ script, scale, random }: LoadOptions): string {
  const below = (limit: number): number => 1 + random(limit);
  const aid = below(scale * ACCOUNTS);
  const select = `select abalance from pgbench_accounts where aid = ${aid}`;
  if (script === "select-only") return select;
  const [bid, tid, delta] = [below(scale), below(scale * TELLERS), below(10_000) - 5_000];
  const isSimple = script === "simple-update";
  return [
    "begin",
    `update pgbench_accounts set abalance = abalance + ${delta} where aid = ${aid}`,
    select,
    ...(isSimple ? [] : [`update pgbench_tellers set tbalance = tbalance + ${delta} where tid = ${tid}`]),
    ...(isSimple ? [] : [`update pgbench_branches set bbalance = bbalance + ${delta} where bid = ${bid}`]),
    `insert into pgbench_history (tid, bid, aid, delta, mtime) values (${tid}, ${bid}, ${aid}, ${delta}, current_timestamp)`,
    "end",
  ].join("; ");
}
