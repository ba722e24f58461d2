import type { Endpoint, SqlSession, VanillaPostgres } from "../../../harness/nodes";
import { type Bench, type Measurement, type Row, seconds } from "./measurement";

const CLIENTS = 8;
const COMMITS = 1500;
/** How often each side takes its turn; before the last ones its programs have become warm. */
const TURNS = 3;

/** Commits per second of eight sessions, each inserting row after row. */
async function commitsPerSecond(server: Endpoint | VanillaPostgres): Promise<number> {
  const sessions = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
  const all = async (count: number): Promise<void> => {
    const client = async (session: SqlSession, id: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) await session.query("insert into written values ($1, $2)", [id, n]);
    };
    await Promise.all(sessions.map(client));
  };
  await all(100);
  const [taken] = await seconds(() => all(COMMITS));
  await Promise.all(sessions.map((session) => session.close()));
  return (CLIENTS * COMMITS) / taken;
}

/** Runs `work` on a compute with three safekeepers. */
const withSafekeepers = <T>(bench: Bench, fsync: boolean, work: (compute: Endpoint) => Promise<T>): Promise<T> =>
  bench.withEnv({ numSafekeepers: 3, safekeepersEnableFsync: fsync }, async (env) =>
    work(await env.endpoints.createStart("main")),
  );

/** Runs `work` on a plain Postgres whose commits wait for one standby to have them on disk. */
const withOneReceiver = <T>(bench: Bench, fsync: boolean, work: (primary: VanillaPostgres) => Promise<T>): Promise<T> =>
  bench.withPostgres(async ({ make, makeStandby }) => {
    const setting = `fsync=${fsync ? "on" : "off"}`;
    const primary = await make("primary");
    primary.configure([setting, "wal_level=logical", "full_page_writes=off"]);
    const standby = await makeStandby(primary, "receiver");
    primary.configure(["synchronous_standby_names='receiver'"]);
    await primary.start();
    await standby.start();
    return work(primary);
  });

/** One turn of each after the other. */
async function takeTurns(servers: readonly (Endpoint | VanillaPostgres)[]): Promise<number[][]> {
  for (const server of servers) await server.query("create table written (client int, n int)");
  const turns: number[][] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const rates: number[] = [];
    for (const server of servers) rates.push(await commitsPerSecond(server));
    turns.push(rates);
  }
  return turns;
}

function rowsOf(turns: readonly number[][], how: string, atLeast: number): Row[] {
  const ratio = ([theirs = Number.NaN, ours = Number.NaN]: readonly number[] = []): number => ours / theirs;
  const last = turns.at(-1);
  const [theirs = Number.NaN, ours = Number.NaN] = last ?? [];
  return [
    { name: `  ratio of the first ${CLIENTS * COMMITS} commits, ${how}`, value: ratio(turns[0]), unit: "×" },
    { name: `commits, one receiver, ${how}`, value: theirs, unit: "/s" },
    { name: `commits, 3 safekeepers, ${how}`, value: ours, unit: "/s" },
    { name: `  their ratio, ${how}`, value: ratio(last), unit: "×", atLeast },
  ];
}

/** Single-row commits through three safekeepers beside a plain Postgres with one synchronous receiver, in turn. */
export const commits: Measurement = {
  name: "commits",
  rounds: 3,
  run: async (bench) => {
    const rows: Row[] = [];
    for (const [fsync, atLeast] of [[true, 0.5] as const, [false, 0.8] as const]) {
      const turns = await withOneReceiver(bench, fsync, (plain) =>
        withSafekeepers(bench, fsync, (compute) => takeTurns([plain, compute])),
      );
      rows.push(...rowsOf(turns, fsync ? "with fsync" : "without fsync", atLeast));
    }
    return rows;
  },
};
