import { readFileSync } from "node:fs";
// It is a CommonJS module whose names Node doesn't find by itself.
import postgresql = require("postgresql-client");

const { BindParam, Connection, DataTypeOIDs } = postgresql;

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_CA } = process.env;

const ASLEEP = "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";

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

/** Asks until the query is under way; what isn't yet would not be there to be cancelled. */
async function cancelFromAnother(): Promise<void> {
  const other = new Connection(settings);
  other.on("error", () => undefined);
  try {
    await other.connect();
    const params = [new BindParam(DataTypeOIDs.int4, connection.processID)];
    for (let tries = 0; tries < 500 && (await other.query(ASLEEP, { params })).rows?.length === 0; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await other.close(0);
  }
}

const isConnected = await check("connect", async () => {
  await connection.connect();
  return String((await column("select current_user"))[0]);
});
if (isConnected) {
  await check("select", async () => String((await column("select 1"))[0]));
  await check("parameters", async () => String((await column("select $1::int + length($2::text)", [38, "žába"]))[0]));
  await check("prepared", prepared);
  await check("rollback", rollback);
  await check("sqlstate", () => refusal(connection.query("select 1 / 0")));
  await check("rows", async () => total((await column("select generate_series(1, 1000)")).map(Number)));
  print("copy", "skipped", "the driver has no COPY");
  await check("cancel", cancel);
}
await connection.close(0);

/** Prints what a check found, or the error that the driver raised. */
async function check(name: string, find: () => Promise<string>): Promise<boolean> {
  try {
    print(name, "value", await find());
    return true;
  } catch (error) {
    process.exitCode = 1;
    print(name, "error", words(error));
    return false;
  }
}

function print(name: string, kind: "value" | "error" | "skipped", text: string): void {
  process.stdout.write(`${name}\t${kind}\t${text.replace(/\s+/g, " ")}\n`);
}

/** The messages of an error and of its causes; some errors of Node have a code only. */
function words(error: unknown): string {
  const { name, message, code, cause } = error as { name?: string; message?: string; code?: string; cause?: unknown };
  const own = [name, code, message].filter((text) => text !== undefined && text !== "").join(" ");
  return cause === undefined ? own : `${own}: ${words(cause)}`;
}

/** The SQLSTATE with which the server refuses. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return code;
    throw error;
  }
  return "no error";
}

function total(numbers: readonly number[]): string {
  return `${numbers.length} ${numbers.reduce((sum, each) => sum + each, 0)}`;
}
