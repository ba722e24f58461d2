import { neon, neonConfig } from "@neondatabase/serverless";
import { refusal, runChecks, total } from "../program.mjs";

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

await runChecks({
  connect: async () => String((await sql`select current_user`)[0]?.current_user),
  select: async () => String((await sql`select 1 as i`)[0]?.i),
  parameters: async () => String((await sql.query("select $1::int + length($2::text) as i", [38, "žába"]))[0]?.i),
  prepared: { lacks: "every request is a session of its own" },
  rollback,
  sqlstate: () => refusal(sql`select 1 / 0`),
  rows: async () => total((await sql`select generate_series(1, 1000) as i`).map(({ i }) => i)),
  copy: { lacks: "the driver has no COPY" },
  cancel,
});
