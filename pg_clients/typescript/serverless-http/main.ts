import { neon, neonConfig } from "@neondatabase/serverless";

const { NEON_HOST, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_PROXY } = process.env;

// A cloud Neon's proxy is found by the driver; fetch trusts what NODE_EXTRA_CA_CERTS names.
if (NEON_PROXY) neonConfig.fetchEndpoint = `https://${NEON_PROXY}/sql`;

const [user, password, database] = [NEON_USER, NEON_PASSWORD, NEON_DATABASE].map((text) =>
  encodeURIComponent(text ?? ""),
);
const sql = neon(`postgresql://${user}:${password}@${NEON_HOST}/${database}`);

/** Nothing of a transaction that fails is left; that it fails with a division by zero shows that it saw its own row. */
async function rollback(): Promise<string> {
  const table = `pg_clients_numbers_${process.pid}_${Date.now()}`;
  const failed = await refusal(
    sql.transaction([
      sql.query(`create table ${table} (i int primary key)`),
      sql.query(`insert into ${table} values (1)`),
      sql.query(`select 1 / (count(*) - 1) from ${table}`),
    ]),
  );
  const [after] = await sql`select count(*)::int as n from pg_class where relname = ${table}`;
  return `${failed === "22012" ? 1 : failed} ${after?.n}`;
}

/** Over HTTP there is no session to cancel in, so other requests look for the query and end it. */
async function cancel(): Promise<string> {
  let isOver = false;
  const sleeping = refusal(sql`select pg_sleep(30), 'pg_clients over http'`).finally(() => (isOver = true));
  const [state] = await Promise.all([sleeping, cancelFromAnother(() => isOver)]);
  return state;
}

async function cancelFromAnother(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const [row] = await sql`
      select bool_or(pg_cancel_backend(pid)) as done from pg_stat_activity
      where usename = current_user and pid <> pg_backend_pid() and state = 'active'
        and query like '%pg_clients over http%'`;
    if (row?.done === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const isConnected = await check("connect", async () => String((await sql`select current_user`)[0]?.current_user));
if (isConnected) {
  await check("select", async () => String((await sql`select 1 as i`)[0]?.i));
  await check("parameters", async () => {
    const [row] = await sql.query("select $1::int + length($2::text) as i", [38, "žába"]);
    return String(row?.i);
  });
  print("prepared", "skipped", "every request is a session of its own");
  await check("rollback", rollback);
  await check("sqlstate", () => refusal(sql`select 1 / 0`));
  await check("rows", async () => total((await sql`select generate_series(1, 1000) as i`).map(({ i }) => i)));
  print("copy", "skipped", "the driver has no COPY");
  await check("cancel", cancel);
}

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

interface Failure {
  name?: string;
  message?: string;
  code?: string;
  cause?: unknown;
  /** What fetch raised. */
  sourceError?: unknown;
}

/** The messages of an error and of its causes; some errors of Node have a code only. */
function words(error: unknown): string {
  const { name, message, code, sourceError, cause = sourceError } = error as Failure;
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
