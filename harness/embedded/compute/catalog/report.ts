import { type PgConnection, PgError } from "../../../wire";
import type { Connect } from "./apply-spec";
import { existingObjects } from "./existing";

/** The answer of GET /dbs_and_roles. */
export async function databasesAndRoles(connection: PgConnection) {
  const { roles, databases } = await existingObjects(connection);
  return {
    roles: [...roles].map(([name, password]) => ({ name, encrypted_password: password, options: null })),
    databases: [...databases].map(([name, { owner, restricted, invalid }]) => {
      return { name, owner, options: null, restrict_conn: restricted, invalid };
    }),
  };
}

export interface InstalledExtension {
  extname: string;
  version: string;
  n_databases: number;
  owned_by_superuser: string;
}

/** More databases are not looked into. */
const MOST_DATABASES = 500;
const CONNECTABLE = `SELECT datname FROM pg_catalog.pg_database
  WHERE datallowconn AND datconnlimit <> -2 LIMIT ${MOST_DATABASES}`;
/** 10 is the oid of the superuser that initdb makes. */
const EXTENSIONS = "SELECT extname, extversion, (extowner = 10)::int FROM pg_catalog.pg_extension";

/** The answer of GET /installed_extensions: each version of each extension with the number of databases that have it. */
export async function installedExtensions(
  connection: PgConnection,
  connect: Connect,
): Promise<{ extensions: InstalledExtension[] }> {
  const found = new Map<string, InstalledExtension>();
  for (const [database] of (await connection.query(CONNECTABLE)).rows) {
    const other = await connect(database ?? "");
    try {
      for (const [extname = "", version = "", superuser = "0"] of (await other.query(EXTENSIONS)).rows.map(asText)) {
        const key = `${extname}\n${version}\n${superuser}`;
        const known = found.get(key) ?? { extname, version, n_databases: 0, owned_by_superuser: superuser };
        found.set(key, { ...known, n_databases: known.n_databases + 1 });
      }
    } finally {
      await other.end();
    }
  }
  return { extensions: [...found.values()] };
}

const asText = (row: (string | null)[]): string[] => row.map((value) => value ?? "");

const STATEMENTS = `SELECT row_to_json(pg_stat_statements) FROM pg_stat_statements
  WHERE userid <> 'cloud_admin'::regrole::oid ORDER BY mean_exec_time + mean_plan_time DESC LIMIT 100`;

/** The answer of GET /insights: text that looks like JSON and, where the extension isn't there, is none; so is Neon's. */
export async function insights(connection: PgConnection): Promise<string> {
  try {
    const { rows } = await connection.query(STATEMENTS);
    return `{"pg_stat_statements": [${rows.map(([json]) => json ?? "null").join(",")}]}`;
  } catch {
    // Whatever the reason, Neon answers so.
    return '{{"pg_stat_statements": []}}';
  }
}

const DISK_FULL = "53100";

const WRITE = "INSERT INTO health_check VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET updated_at = now()";

/** Changes the row that each applied spec leaves for it. A full disk is the tenant's affair, and no failure. */
export async function checkWritability(connection: PgConnection): Promise<true> {
  try {
    await connection.query(WRITE);
  } catch (error) {
    if (!(error instanceof PgError && error.code === DISK_FULL)) throw error;
  }
  return true;
}
