import type { Endpoint, SqlSession, VanillaPostgres } from "../../../harness/nodes";
import { type Bench, type Measurement, seconds } from "./measurement";

const CLIENTS = 8;
const COMMITS = 1500;

/** Commits per second of eight sessions, each inserting row after row. */
async function commitsPerSecond(server: Endpoint | VanillaPostgres): Promise<number> {
  await server.query("create table written (client int, n int)");
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

const throughSafekeepers = (bench: Bench, fsync: boolean): Promise<number> =>
  bench.withEnv({ numSafekeepers: 3, safekeepersEnableFsync: fsync }, async (env) =>
    commitsPerSecond(await env.endpoints.createStart("main")),
  );

/** A plain Postgres whose commits wait for one standby to have them on disk. */
const withOneReceiver = (bench: Bench, fsync: boolean): Promise<number> =>
  bench.withPostgres(async ({ make, makeStandby }) => {
    const setting = `fsync=${fsync ? "on" : "off"}`;
    const primary = await make("primary");
    primary.configure([setting, "wal_level=logical", "full_page_writes=off"]);
    const standby = await makeStandby(primary, "receiver");
    primary.configure(["synchronous_standby_names='receiver'"]);
    await primary.start();
    await standby.start();
    return commitsPerSecond(primary);
  });

/** Single-row commits through three safekeepers beside a plain Postgres with one synchronous receiver, in turn. */
export const commits: Measurement = {
  name: "commits",
  rounds: 3,
  run: async (bench) => {
    const rows = [];
    for (const [fsync, atLeast] of [[true, 0.5] as const, [false, 0.8] as const]) {
      const theirs = await withOneReceiver(bench, fsync);
      const ours = await throughSafekeepers(bench, fsync);
      const how = fsync ? "with fsync" : "without fsync";
      rows.push(
        { name: `commits, one receiver, ${how}`, value: theirs, unit: "/s" },
        { name: `commits, 3 safekeepers, ${how}`, value: ours, unit: "/s" },
        { name: `  their ratio, ${how}`, value: ours / theirs, unit: "×", atLeast },
      );
    }
    return rows;
  },
};
