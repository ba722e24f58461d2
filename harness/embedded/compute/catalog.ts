import type { PgConnection } from "../../wire";
import type { ComputeSpec, DeltaOperation, SpecRole } from "./spec";

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const SUPERUSER_ROLE = "neon_superuser";
const CREATE_SUPERUSER_ROLE =
  `CREATE ROLE ${SUPERUSER_ROLE} CREATEDB CREATEROLE NOLOGIN REPLICATION BYPASSRLS ` +
  "IN ROLE pg_read_all_data, pg_write_all_data";

async function names(connection: PgConnection, sql: string): Promise<Set<string>> {
  const { rows } = await connection.query(sql);
  return new Set(rows.map((row) => row[0] ?? ""));
}

const roleNames = (connection: PgConnection) => names(connection, "SELECT rolname FROM pg_roles");
const databaseNames = (connection: PgConnection) => names(connection, "SELECT datname FROM pg_database");

/** The spec has an md5 password without its prefix; a SCRAM verifier is as Postgres wants it. */
function passwordClause(role: SpecRole): string {
  const encrypted = role.encrypted_password;
  if (encrypted === undefined || encrypted === null || encrypted === "") return "PASSWORD NULL";
  return `PASSWORD ${quoteLiteral(/^[0-9a-f]{32}$/.test(encrypted) ? `md5${encrypted}` : encrypted)}`;
}

function roleOptions(role: SpecRole): string {
  const options = (role.options ?? []).map(({ name, value }) => (value ? `${name} ${value}` : name));
  return ["LOGIN", ...options, passwordClause(role)].join(" ");
}

async function applyDeltaOperation(connection: PgConnection, operation: DeltaOperation): Promise<void> {
  const name = quoteIdentifier(operation.name);
  const newName = quoteIdentifier(operation.new_name ?? "");
  const [databases, roles] = [await databaseNames(connection), await roleNames(connection)];
  switch (operation.action) {
    case "delete_db":
      await connection.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      return;
    case "rename_db":
      if (databases.has(operation.name)) await connection.query(`ALTER DATABASE ${name} RENAME TO ${newName}`);
      return;
    case "rename_role":
      if (roles.has(operation.name)) await connection.query(`ALTER ROLE ${name} RENAME TO ${newName}`);
      return;
    case "delete_role":
      if (!roles.has(operation.name)) return;
      await connection.query(`REASSIGN OWNED BY ${name} TO cloud_admin`);
      await connection.query(`DROP OWNED BY ${name}`);
      await connection.query(`DROP ROLE ${name}`);
      return;
    default:
      throw new Error(`unknown delta operation ${operation.action}`);
  }
}

async function applyRoles(connection: PgConnection, spec: ComputeSpec): Promise<void> {
  const existing = await roleNames(connection);
  if (!existing.has(SUPERUSER_ROLE)) await connection.query(CREATE_SUPERUSER_ROLE);
  for (const role of spec.roles) {
    const name = quoteIdentifier(role.name);
    if (existing.has(role.name)) await connection.query(`ALTER ROLE ${name} ${roleOptions(role)}`);
    else
      await connection.query(`CREATE ROLE ${name} CREATEDB CREATEROLE ${roleOptions(role)} IN ROLE ${SUPERUSER_ROLE}`);
  }
}

async function applyDatabases(connection: PgConnection, spec: ComputeSpec): Promise<void> {
  const existing = await databaseNames(connection);
  for (const database of spec.databases) {
    const [name, owner] = [quoteIdentifier(database.name), quoteIdentifier(database.owner)];
    if (existing.has(database.name)) await connection.query(`ALTER DATABASE ${name} OWNER TO ${owner}`);
    else await connection.query(`CREATE DATABASE ${name} OWNER ${owner}`);
  }
}

/** Makes the roles and databases what the spec says; doing it twice changes nothing. */
export async function applyCatalog(connection: PgConnection, spec: ComputeSpec): Promise<void> {
  for (const operation of spec.deltaOperations) {
    if (operation.action !== "delete_role") await applyDeltaOperation(connection, operation);
  }
  await applyRoles(connection, spec);
  await applyDatabases(connection, spec);
  for (const operation of spec.deltaOperations) {
    if (operation.action === "delete_role") await applyDeltaOperation(connection, operation);
  }
}
