import { readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import copy from "pg-copy-streams";
import { CANCEL_IF_ASLEEP, refusal, runChecks, total, untilUnderWay } from "../program.mjs";

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_CA } = process.env;

const settings: pg.ClientConfig = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  // pg verifies chain and host name when it is given an object.
  ssl: NEON_CA ? { ca: readFileSync(NEON_CA, "utf8") } : {},
  connectionTimeoutMillis: 15_000,
};

const client = new pg.Client(settings);
// The query that is under way says it, too.
client.on("error", () => undefined);

async function column(sql: string, values: unknown[] = []): Promise<number[]> {
  const { rows } = await client.query({ text: sql, values, rowMode: "array" });
  return rows.map(([value]) => value as number);
}

async function prepared(): Promise<string> {
  const results: number[] = [];
  for (const value of [1, 2, 3]) {
    const { rows } = await client.query({ name: "times ten", text: "select $1::int * 10 as i", values: [value] });
    results.push(rows[0].i);
  }
  return results.join(" ");
}

async function rollback(): Promise<string> {
  await client.query("create temp table numbers (i int primary key)");
  await client.query("begin");
  await client.query("insert into numbers values (1)");
  const within = await column("select count(*)::int from numbers");
  await client.query("rollback");
  const after = await column("select count(*)::int from numbers");
  return `${within[0]} ${after[0]}`;
}

async function copied(): Promise<string> {
  const lines = Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`);
  await pipeline(lines, client.query(copy.from("copy numbers from stdin")));
  let text = "";
  for await (const chunk of client.query(copy.to("copy numbers to stdout"))) text += String(chunk);
  return total(text.trim().split("\n").map(Number));
}

/** pg has no public way to send a request to cancel, so a second session asks the server. */
async function cancel(): Promise<string> {
  const [processId] = await column("select pg_backend_pid()");
  const [state] = await Promise.all([refusal(client.query("select pg_sleep(30)")), cancelFromAnother(processId)]);
  return state;
}

async function cancelFromAnother(processId: number | undefined): Promise<void> {
  const other = new pg.Client(settings);
  other.on("error", () => undefined);
  try {
    await other.connect();
    await untilUnderWay(async () => (await other.query(CANCEL_IF_ASLEEP, [processId])).rows.length !== 0);
  } finally {
    await other.end();
  }
}

await runChecks({
  connect: async () => {
    await client.connect();
    return String((await client.query("select current_user")).rows[0].current_user);
  },
  select: async () => String((await column("select 1"))[0]),
  parameters: async () => String((await column("select $1::int + length($2::text)", [38, "žába"]))[0]),
  prepared,
  rollback,
  sqlstate: () => refusal(client.query("select 1 / 0")),
  rows: async () => total(await column("select generate_series(1, 1000)")),
  copy: copied,
  cancel,
});
await client.end();
