import type { ComputeSpec, SpecRole } from "../spec";
import type { ExistingObjects } from "./existing";
import { optionsText } from "./options";
import { quoteIdentifier, quoteLiteral } from "./quoting";

/** What users of Neon get instead of a superuser; their roles are members of it. */
export const SUPERUSER_ROLE = "neon_superuser";

const SUPERUSER_ATTRIBUTES = "CREATEDB CREATEROLE NOLOGIN REPLICATION BYPASSRLS";
const MEMBER_ATTRIBUTES = "INHERIT CREATEROLE CREATEDB BYPASSRLS REPLICATION";

/** Makes neon_superuser if it isn't there, with what it may do with the roles and databases that were there before it. */
export function superuserStatements(spec: ComputeSpec, existing: ExistingObjects): string[] {
  if (existing.roles.has(SUPERUSER_ROLE)) return [];
  const roles = spec.roles.map(({ name }) => name).filter((name) => existing.roles.has(name));
  const databases = spec.databases.map(({ name }) => name).filter((name) => existing.databases.has(name));
  return [
    `CREATE ROLE ${SUPERUSER_ROLE} ${SUPERUSER_ATTRIBUTES} IN ROLE pg_read_all_data, pg_write_all_data`,
    ...roles.flatMap((name) => [
      `GRANT ${SUPERUSER_ROLE} TO ${quoteIdentifier(name)}`,
      `ALTER ROLE ${quoteIdentifier(name)} CREATEROLE CREATEDB`,
    ]),
    ...databases.map((name) => `GRANT ALL PRIVILEGES ON DATABASE ${quoteIdentifier(name)} TO ${SUPERUSER_ROLE}`),
  ];
}

/** A renamed role loses its password: an md5 one is made with the name. */
export function renameRoleStatements(spec: ComputeSpec, { roles }: ExistingObjects): string[] {
  const statements: string[] = [];
  for (const { action, name, new_name: newName } of spec.deltaOperations) {
    if (action !== "rename_role" || typeof newName !== "string" || !roles.has(name) || roles.has(newName)) continue;
    statements.push(`ALTER ROLE ${quoteIdentifier(name)} RENAME TO ${quoteIdentifier(newName)}`);
    roles.delete(name);
    roles.set(newName, null);
  }
  return statements;
}

/** Roles that are there already get their password only: whoever made them may have taken attributes away. */
export function roleStatements(spec: ComputeSpec, { roles }: ExistingObjects): string[] {
  return spec.roles.flatMap((role) => {
    const [name, password] = [quoteIdentifier(role.name), storedPassword(role)];
    const known = roles.get(role.name);
    roles.set(role.name, password);
    if (known === undefined) {
      const attributes = spec.jwksRoles.has(role.name) ? "" : `${MEMBER_ATTRIBUTES} IN ROLE ${SUPERUSER_ROLE} `;
      return [`CREATE ROLE ${name} ${attributes}${roleOptions(role)}`];
    }
    return known === password ? [] : [`ALTER ROLE ${name} ${roleOptions(role)}`];
  });
}

export function dropRoleStatements(spec: ComputeSpec): string[] {
  const gone = spec.deltaOperations.filter(({ action }) => action === "delete_role");
  return gone.map(({ name }) => `DROP ROLE IF EXISTS ${quoteIdentifier(name)}`);
}

/** The spec has an md5 password without its prefix; a SCRAM verifier is as Postgres wants it. */
function storedPassword({ encrypted_password: encrypted }: SpecRole): string | null {
  if (encrypted === undefined || encrypted === null) return null;
  return encrypted.startsWith("SCRAM-SHA-256") ? encrypted : `md5${encrypted}`;
}

function roleOptions(role: SpecRole): string {
  const password = storedPassword(role);
  return `${optionsText(role.options)} LOGIN PASSWORD ${password === null ? "NULL" : quoteLiteral(password)}`;
}
