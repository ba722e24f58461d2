import type { PgConnection } from "../../../wire";
import type { ComputeSpec } from "../spec";
import type { ExistingObjects } from "./existing";
import { quoteIdentifier } from "./quoting";
import { SUPERUSER_ROLE } from "./roles";

/** Where compute_ctl itself is connected, whose objects belong to nobody in particular. */
export const SYSTEM_DATABASE = "postgres";

/** Owners of the schema public that nobody has chosen. */
const NOBODYS = new Set(["cloud_admin", "zenith_admin"]);

/** Frees a role that is to be dropped from what it has and may do in one database. */
export function releaseRoleStatements(
  spec: ComputeSpec,
  { roles }: ExistingObjects,
  database: { owner: string },
): string[] {
  const gone = spec.deltaOperations.filter(({ action, name }) => action === "delete_role" && roles.has(name));
  return gone
    .filter(({ name }) => name !== database.owner)
    .flatMap(({ name }) => {
      const role = quoteIdentifier(name);
      return [
        `REASSIGN OWNED BY ${role} TO ${quoteIdentifier(database.owner)}`,
        // What neon_superuser has granted goes only when it is neon_superuser that takes it back.
        `SET SESSION ROLE ${SUPERUSER_ROLE}`,
        inPublic(`REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA public FROM ${role} GRANTED BY ${SUPERUSER_ROLE}`),
        "RESET ROLE",
        `DROP OWNED BY ${role}`,
      ];
    });
}

/** Runs a statement about the schema public, unless somebody has dropped that. */
const inPublic = (statement: string): string =>
  `DO $in_public$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public') THEN ${statement}; END IF; END $in_public$`;

/** Gives the schema public of a user's database to its owner, and neon_superuser rights on what will be made in it. */
export async function schemaStatements(connection: PgConnection, owner: string): Promise<string[]> {
  const { rows } = await connection.query(
    "SELECT nspowner::regrole::text FROM pg_catalog.pg_namespace WHERE nspname = 'public'",
  );
  const [schemaOwner] = rows[0] ?? [];
  if (typeof schemaOwner !== "string") return [];
  const change = NOBODYS.has(schemaOwner) ? [`ALTER SCHEMA public OWNER TO ${quoteIdentifier(owner)}`] : [];
  const grants = ["TABLES", "SEQUENCES"].map(
    (kind) => `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON ${kind} TO ${SUPERUSER_ROLE} WITH GRANT OPTION`,
  );
  return [...change, ...(await webAccessStatements(connection)), ...grants];
}

/** Since version 15 not everybody may create in public; Neon's own role for the web console may. */
async function webAccessStatements(connection: PgConnection): Promise<string[]> {
  const { rows } = await connection.query(
    `SELECT 1 FROM pg_catalog.pg_roles
     WHERE rolname = 'web_access' AND current_setting('server_version_num')::int >= 150000`,
  );
  return rows.length === 0 ? [] : ["GRANT CREATE ON SCHEMA public TO web_access"];
}
