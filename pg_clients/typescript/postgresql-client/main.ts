import { readFileSync } from "node:fs";
// It is a CommonJS module whose names Node doesn't find by itself.
import postgresql = require("postgresql-client");
import { CANCEL_IF_ASLEEP, refusal, runChecks, total, untilUnderWay } from "../program.mjs";

const { BindParam, Connection, DataTypeOIDs } = postgresql;

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_CA } = process.env;

const settings = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  requireSSL: true,
  ssl: { servername: NEON_HOST, ...(NEON_CA ? { ca: readFileSync(NEON_CA, "utf8") } : {}) },
  connectTimeoutMs: 15_000,
};

const connection = new Connection(settings);
// The query that is under way says it, too.
connection.on("error", () => undefined);

async function column(sql: string, params: unknown[] = []): Promise<unknown[]> {
  const { rows = [] } = await connection.query(sql, { params, fetchCount: 2000 });
  return rows.map((row: unknown[]) => row[0]);
}

async function prepared(): Promise<string> {
  const statement = await connection.prepare("select $1 * 10", { paramTypes: [DataTypeOIDs.int4] });
  try {
    const results: unknown[] = [];
    for (const value of [1, 2, 3]) results.push((await statement.execute({ params: [value] })).rows?.[0][0]);
    return results.join(" ");
  } finally {
    await statement.close();
  }
}

async function rollback(): Promise<string> {
  await connection.query("create temp table numbers (i int primary key)", { autoCommit: true });
  await connection.startTransaction();
  await connection.query("insert into numbers values (1)");
  const within = await column("select count(*)::int from numbers");
  await connection.rollback();
  const after = await column("select count(*)::int from numbers");
  return `${within[0]} ${after[0]}`;
}

/** The driver has no request to cancel a query, so a second session asks the server. */
async function cancel(): Promise<string> {
  const [state] = await Promise.all([refusal(connection.query("select pg_sleep(30)")), cancelFromAnother()]);
  return state;
}

async function cancelFromAnother(): Promise<void> {
  const other = new Connection(settings);
  other.on("error", () => undefined);
  try {
    await other.connect();
    const params = [new BindParam(DataTypeOIDs.int4, connection.processID)];
    await untilUnderWay(async () => (await other.query(CANCEL_IF_ASLEEP, { params })).rows?.length !== 0);
  } finally {
    await other.close(0);
  }
}

await runChecks({
  connect: async () => {
    await connection.connect();
    return String((await column("select current_user"))[0]);
  },
  select: async () => String((await column("select 1"))[0]),
  parameters: async () => String((await column("select $1::int + length($2::text)", [38, "žába"]))[0]),
  prepared,
  rollback,
  sqlstate: () => refusal(connection.query("select 1 / 0")),
  rows: async () => total((await column("select generate_series(1, 1000)")).map(Number)),
  copy: { lacks: "the driver has no COPY" },
  cancel,
});
await connection.close(0);
