import type { PgConnection } from "../../../wire";
import { failpoint, type Logger } from "../../service";
import { quoteIdentifier } from "./quoting";
import { SUPERUSER_ROLE } from "./roles";

/** What a migration does; `skipped` ones count, and do nothing any more. */
type Migration = "skipped" | ((connection: PgConnection) => Promise<string[]>);

const always = (...statements: string[]): Migration => {
  return () => Promise.resolve(statements);
};

async function version(connection: PgConnection): Promise<number> {
  const { rows } = await connection.query("SHOW server_version_num");
  return Math.floor(Number(rows[0]?.[0] ?? "0") / 10_000);
}

const since = (major: number, ...statements: string[]): Migration => {
  return async (connection) => ((await version(connection)) >= major ? statements : []);
};

/** Members of neon_superuser inherit from it; nobody else goes around row-level security. */
async function alterRoles(connection: PgConnection): Promise<string[]> {
  const { rows } = await connection.query(
    `SELECT rolname, pg_has_role(rolname, '${SUPERUSER_ROLE}', 'member')::int FROM pg_roles
     WHERE pg_has_role(rolname, '${SUPERUSER_ROLE}', 'member') OR NOT starts_with(rolname, 'pg_')`,
  );
  return rows.map(
    ([name, member]) => `ALTER ROLE ${quoteIdentifier(name ?? "")} ${member === "1" ? "INHERIT" : "NOBYPASSRLS"}`,
  );
}

/** In Neon's order and number: what one migration was, it stays. */
const MIGRATIONS: readonly Migration[] = [
  always(`ALTER ROLE ${SUPERUSER_ROLE} BYPASSRLS`),
  alterRoles,
  since(16, `GRANT pg_create_subscription TO ${SUPERUSER_ROLE}`),
  always(`GRANT pg_monitor TO ${SUPERUSER_ROLE} WITH ADMIN OPTION`),
  ...Array.from({ length: 5 }, (): Migration => "skipped"),
  since(
    16,
    `GRANT EXECUTE ON FUNCTION pg_export_snapshot TO ${SUPERUSER_ROLE}`,
    `GRANT EXECUTE ON FUNCTION pg_log_standby_snapshot TO ${SUPERUSER_ROLE}`,
  ),
  always(`GRANT EXECUTE ON FUNCTION pg_show_replication_origin_status TO ${SUPERUSER_ROLE}`),
];

const PREPARATION = [
  "CREATE SCHEMA IF NOT EXISTS neon_migration",
  "CREATE TABLE IF NOT EXISTS neon_migration.migration_id (key INT NOT NULL PRIMARY KEY, id bigint NOT NULL DEFAULT 0)",
  "INSERT INTO neon_migration.migration_id VALUES (0, 0) ON CONFLICT DO NOTHING",
  "ALTER SCHEMA neon_migration OWNER TO cloud_admin",
  "REVOKE ALL ON SCHEMA neon_migration FROM PUBLIC",
];

/** Runs the migrations that this database has not seen yet, each in a transaction of its own. */
export async function runMigrations(connection: PgConnection, log: Logger): Promise<void> {
  for (const statement of PREPARATION) await connection.query(statement);
  const { rows } = await connection.query("SELECT id FROM neon_migration.migration_id");
  for (let id = Number(rows[0]?.[0] ?? "0") + 1; id <= MIGRATIONS.length; id += 1) {
    const migration = MIGRATIONS[id - 1] ?? "skipped";
    log.info(`${migration === "skipped" ? "Skipping" : "Running"} migration id=${id}`);
    await connection.query("BEGIN");
    const statements = migration === "skipped" ? [] : await migration(connection);
    for (const statement of statements) await connection.query(statement);
    if ((await failpoint("compute-migration")) === String(id)) {
      throw new Error(`migration ${id} was configured to fail because of a failpoint`);
    }
    await connection.query(`UPDATE neon_migration.migration_id SET id = ${id}`);
    await connection.query("COMMIT");
    log.info(`Finished migration id=${id}`);
  }
}
