import type { PgConnection } from "../../wire";

const ROLES = "SELECT r.rolname, a.rolpassword FROM pg_roles r LEFT JOIN pg_authid a USING (oid) ORDER BY r.oid";
const DATABASES =
  "SELECT datname, pg_get_userbyid(datdba), (NOT datallowconn)::int, (datconnlimit = -2)::int FROM pg_database ORDER BY oid";
const CONNECTABLE = "SELECT datname FROM pg_database WHERE datallowconn ORDER BY oid";
const EXTENSIONS =
  "SELECT e.extname, e.extversion, r.rolsuper::int FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner ORDER BY 1";

/** The answer of GET /dbs_and_roles. */
export async function databasesAndRoles(connection: PgConnection) {
  const roles = (await connection.query(ROLES)).rows;
  const databases = (await connection.query(DATABASES)).rows;
  return {
    roles: roles.map(([name, password]) => ({ name, encrypted_password: password ?? null, options: null })),
    databases: databases.map(([name, owner, restricted, invalid]) => ({
      name,
      owner,
      options: null,
      restrict_conn: restricted === "1",
      invalid: invalid === "1",
    })),
  };
}

interface InstalledExtension {
  extname: string;
  version: string;
  n_databases: number;
  owned_by_superuser: string;
}

/** The answer of GET /installed_extensions: each version of each extension with the number of databases that have it. */
export async function installedExtensions(
  connection: PgConnection,
  connect: (database: string) => Promise<PgConnection>,
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
