import type { Endpoint, VanillaPostgres } from "../../../harness/nodes";
import { type Bench, type Measurement, seconds } from "./measurement";

const CLIENTS = 8;
const COMMITS = 1500;

/** Commits row by row on the server, so that the clients cost nothing. */
const SETUP = [
  "create table counters (id int primary key, value int)",
  `insert into counters select generate_series(1, ${CLIENTS}), 0`,
  `create procedure commits(client int, n int) language plpgsql as $$
     begin
       for i in 1..n loop
         update counters set value = value + 1 where id = client;
         commit;
       end loop;
     end $$`,
];

/** Commits per second of eight clients. */
async function commitsPerSecond(server: Endpoint | VanillaPostgres): Promise<number> {
  for (const statement of SETUP) await server.query(statement);
  const all = async (n: number): Promise<void> => {
    const clients = Array.from({ length: CLIENTS }, (_, index) => server.query("call commits($1, $2)", [index + 1, n]));
    await Promise.all(clients);
  };
  await all(50);
  const [taken] = await seconds(() => all(COMMITS));
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
