import { Client, neonConfig } from "@neondatabase/serverless";
import WebSocket from "ws";
import { CANCEL_IF_ASLEEP, refusal, runChecks, total, untilUnderWay } from "../program.mjs";

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_PROXY } = process.env;

// Node before 22 has no WebSocket of its own; ws trusts what NODE_EXTRA_CA_CERTS names.
neonConfig.webSocketConstructor = WebSocket;
// A cloud Neon's proxy is at the endpoint's own host.
if (NEON_PROXY) neonConfig.wsProxy = `${NEON_PROXY}/v2`;

const settings = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  connectionTimeoutMillis: 15_000,
};

const client = new Client(settings);
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

/** The driver has no request to cancel a query, so a second session asks the server. */
async function cancel(): Promise<string> {
  const [processId] = await column("select pg_backend_pid()");
  const [state] = await Promise.all([refusal(client.query("select pg_sleep(30)")), cancelFromAnother(processId)]);
  return state;
}

async function cancelFromAnother(processId: number | undefined): Promise<void> {
  const other = new Client(settings);
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
  copy: { lacks: "the driver has no COPY" },
  cancel,
});
await client.end();
