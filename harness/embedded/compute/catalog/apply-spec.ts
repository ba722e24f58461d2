import { PgError, type PgConnection } from "../../../wire";
import { errorText, type Logger } from "../../service";
import type { ComputeSpec } from "../spec";
import { databaseStatements, deletedDatabases, deleteAndRenameStatements } from "./databases";
import { dropInvalidStatements, dropSubscriptionStatements } from "./databases";
import { releaseRoleStatements, schemaStatements, SYSTEM_DATABASE } from "./each-database";
import { existingObjects, type ExistingObjects } from "./existing";
import { dropRoleStatements, renameRoleStatements, roleStatements, superuserStatements } from "./roles";

export type Connect = (database?: string) => Promise<PgConnection>;

const UNKNOWN_DATABASE = "3D000";

const HEALTH_CHECK = [
  "CREATE TABLE IF NOT EXISTS health_check (id serial primary key, updated_at timestamptz default now())",
  "INSERT INTO health_check VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET updated_at = now()",
];

/** Makes roles and databases what the spec says, in Neon's order; doing it twice changes nothing. */
export async function applySpec(connect: Connect, spec: ComputeSpec, log: Logger): Promise<void> {
  for (const name of deletedDatabases(spec)) await dropSubscriptions(connect, name, log);
  await withConnection(connect, undefined, async (connection) => {
    const existing = await existingObjects(connection);
    await run(connection, superuserStatements(spec, existing));
    await run(connection, dropInvalidStatements(existing));
    await run(connection, renameRoleStatements(spec, existing));
    await run(connection, roleStatements(spec, existing));
    await run(connection, deleteAndRenameStatements(spec, existing));
    await run(connection, databaseStatements(spec, existing));
    for (const { name, owner } of spec.databases) {
      await withConnection(connect, name, (inside) => applyInside(inside, spec, existing, { name, owner }));
    }
    await run(connection, releaseRoleStatements(spec, existing, { owner: "cloud_admin" }));
    await run(connection, extensionStatements(spec));
    if (!(await hasHealthCheck(connection))) await run(connection, HEALTH_CHECK);
    await run(connection, dropRoleStatements(spec));
  });
}

async function run(connection: PgConnection, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await connection.query(statement);
}

async function withConnection<T>(
  connect: Connect,
  database: string | undefined,
  use: (connection: PgConnection) => Promise<T>,
): Promise<T> {
  const connection = await connect(database);
  try {
    return await use(connection);
  } finally {
    connection.destroy();
  }
}

async function dropSubscriptions(connect: Connect, database: string, log: Logger): Promise<void> {
  const own = `SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = current_database()`;
  try {
    await withConnection(connect, database, async (connection) => {
      const { rows } = await connection.query(own);
      await run(connection, dropSubscriptionStatements(rows.map(([name]) => name ?? "")));
    });
  } catch (error) {
    // It may be gone since an earlier try.
    if (!(error instanceof PgError && error.code === UNKNOWN_DATABASE)) throw error;
    log.warn(`Error dropping subscription: ${errorText(error)}`);
  }
}

async function applyInside(
  connection: PgConnection,
  spec: ComputeSpec,
  existing: ExistingObjects,
  database: { name: string; owner: string },
): Promise<void> {
  await run(connection, releaseRoleStatements(spec, existing, database));
  if (existing.databases.get(database.name)?.restricted === true || database.name === SYSTEM_DATABASE) return;
  await run(connection, await schemaStatements(connection, database.owner));
}

/** The extension neon is not there: it comes with Neon's own build of Postgres. */
function extensionStatements(spec: ComputeSpec): string[] {
  const libraries = spec.settings.find(({ name }) => name === "shared_preload_libraries")?.value ?? "";
  return libraries.includes("pg_stat_statements") ? ["CREATE EXTENSION IF NOT EXISTS pg_stat_statements"] : [];
}

async function hasHealthCheck(connection: PgConnection): Promise<boolean> {
  const { rows } = await connection.query("SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'health_check'");
  return rows.length > 0;
}
