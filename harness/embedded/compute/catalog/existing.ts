import type { PgConnection } from "../../../wire";

export interface ExistingDatabase {
  /** As regrole prints it: in quotes where the name needs them. */
  owner: string;
  /** Nobody may connect to it. */
  restricted: boolean;
  /** A DROP DATABASE that was interrupted has left it; all that can be done is to drop it again. */
  invalid: boolean;
}

/** What is in the catalogs, in the order in which Postgres lists it. */
export interface ExistingObjects {
  /** Name → password as Postgres stores it. */
  roles: Map<string, string | null>;
  databases: Map<string, ExistingDatabase>;
}

export async function existingObjects(connection: PgConnection): Promise<ExistingObjects> {
  const roles = await connection.query("SELECT rolname, rolpassword FROM pg_catalog.pg_authid");
  const databases = await connection.query(
    `SELECT datname, datdba::regrole::text, (NOT datallowconn)::int, (datconnlimit = -2)::int
     FROM pg_catalog.pg_database`,
  );
  return {
    roles: new Map(roles.rows.map(([name, password]) => [name ?? "", password ?? null])),
    databases: new Map(
      databases.rows.map(([name, owner, restricted, invalid]) => [
        name ?? "",
        { owner: owner ?? "", restricted: restricted === "1", invalid: invalid === "1" },
      ]),
    ),
  };
}
