import { readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { refusal, runChecks, total, untilUnderWay } from "../program.mjs";

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_CA } = process.env;

const settings: postgres.Options<{}> = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  // "verify-full" verifies against the public authorities; an object is given to Node's TLS.
  ssl: NEON_CA ? { ca: readFileSync(NEON_CA, "utf8"), servername: NEON_HOST } : "verify-full",
  connect_timeout: 15,
  max: 1,
  fetch_types: false,
};

const sql = postgres(settings);

async function prepared(): Promise<string> {
  const results: number[] = [];
  // A tagged template is a prepared statement, which the connection keeps.
  for (const value of [1, 2, 3]) results.push((await sql`select ${value}::int * 10 as i`)[0]?.i);
  return results.join(" ");
}

async function rollback(): Promise<string> {
  await sql`create temp table numbers (i int primary key)`;
  let within: number | undefined;
  const givenUp = new Error("given up on purpose");
  try {
    await sql.begin(async (transaction) => {
      await transaction`insert into numbers values (1)`;
      within = (await transaction`select count(*)::int as n from numbers`)[0]?.n;
      throw givenUp;
    });
  } catch (error) {
    if (error !== givenUp) throw error;
  }
  const [after] = await sql`select count(*)::int as n from numbers`;
  return `${within} ${after?.n}`;
}

async function copied(): Promise<string> {
  const lines = Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`);
  await pipeline(lines, await sql`copy numbers from stdin`.writable());
  let text = "";
  for await (const chunk of await sql`copy numbers to stdout`.readable()) text += String(chunk);
  return total(text.trim().split("\n").map(Number));
}

/** The driver sends one request to cancel a query; one that the server hasn't begun yet would not be the server's to end. */
async function cancel(): Promise<string> {
  const [own] = await sql`select pg_backend_pid() as pid`;
  const query = sql`select pg_sleep(30)`.execute();
  const [state] = await Promise.all([refusal(query), underWay(own?.pid).then(() => query.cancel())]);
  return state;
}

async function underWay(pid: number): Promise<void> {
  const other = postgres(settings);
  const isAsleep = async (): Promise<boolean> =>
    (await other`select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`).length === 1;
  try {
    await untilUnderWay(isAsleep);
  } finally {
    await other.end();
  }
}

await runChecks({
  connect: async () => String((await sql`select current_user`)[0]?.current_user),
  select: async () => String((await sql`select 1 as i`)[0]?.i),
  parameters: async () => String((await sql`select ${38}::int + length(${"žába"}::text) as i`)[0]?.i),
  prepared,
  rollback,
  sqlstate: () => refusal(sql`select 1 / 0`),
  rows: async () => total((await sql`select generate_series(1, 1000) as i`).map(({ i }) => i)),
  copy: copied,
  cancel,
});
await sql.end({ timeout: 5 });
