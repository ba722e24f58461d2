import type { SqlRow } from "../nodes";

interface Queryable {
  query(text: string, values?: readonly unknown[], options?: { database?: string }): Promise<SqlRow[]>;
}

/** By table, or materialized view, of a database: how many rows it has, and a digest of their text in no order. */
export async function tableDigests(postgres: Queryable, database: string): Promise<Map<string, string>> {
  const tables = await postgres.query(TABLES, [], { database });
  const digests = new Map<string, string>();
  for (const row of tables) {
    const name = String(row["name"]);
    const [digest] = await postgres.query(DIGEST.replace("%", name), [], { database });
    digests.set(name, `${digest?.["count"]} rows, ${digest?.["digest"]}`);
  }
  return digests;
}

/** Unlogged tables are left out: they are empty after a restart, as in Postgres after a crash. */
const TABLES = `
  select format('%I.%I', nspname, relname) as name
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where relkind in ('r', 'm') and relpersistence = 'p' and relispopulated
    and nspname !~ '^pg_' and nspname <> 'information_schema'
  order by 1`;
const DIGEST = `
  select count(*)::text, md5(coalesce(string_agg(line, '' order by line), '')) as digest
  from (select md5(t::text) as line from only % as t) as lines`;
