import type { ComputeSpec, SpecDatabase } from "../spec";
import type { ExistingObjects } from "./existing";
import { optionsText } from "./options";
import { quoteIdentifier } from "./quoting";
import { SUPERUSER_ROLE } from "./roles";

/** The names of databases that the spec wants gone. */
export function deletedDatabases(spec: ComputeSpec): string[] {
  return spec.deltaOperations.filter(({ action }) => action === "delete_db").map(({ name }) => name);
}

/** For the database that is to go, in itself: a subscription would keep it from being dropped. */
export function dropSubscriptionStatements(subscriptions: readonly string[]): string[] {
  return subscriptions.flatMap((name) => {
    const quoted = quoteIdentifier(name);
    return [
      `ALTER SUBSCRIPTION ${quoted} DISABLE`,
      `ALTER SUBSCRIPTION ${quoted} SET (slot_name = NONE)`,
      `DROP SUBSCRIPTION ${quoted}`,
    ];
  });
}

export function dropInvalidStatements({ databases }: ExistingObjects): string[] {
  const invalid = [...databases].filter(([, database]) => database.invalid).map(([name]) => name);
  for (const name of invalid) databases.delete(name);
  return invalid.map((name) => `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
}

export function deleteAndRenameStatements(spec: ComputeSpec, { databases }: ExistingObjects): string[] {
  return spec.deltaOperations.flatMap(({ action, name, new_name: newName }) => {
    const quoted = quoteIdentifier(name);
    const known = databases.get(name);
    if (action === "delete_db") {
      databases.delete(name);
      // A template can't be dropped.
      const template = known === undefined ? [] : [`ALTER DATABASE ${quoted} IS_TEMPLATE false`];
      return [...template, `DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`];
    }
    if (action !== "rename_db" || known === undefined || typeof newName !== "string") return [];
    databases.delete(name);
    databases.set(newName, known);
    return [`ALTER DATABASE ${quoted} RENAME TO ${quoteIdentifier(newName)}`];
  });
}

export function databaseStatements(spec: ComputeSpec, { databases }: ExistingObjects): string[] {
  return spec.databases.flatMap((database) => {
    const [name, owner] = [quoteIdentifier(database.name), quoteIdentifier(database.owner)];
    const known = databases.get(database.name);
    const isOwner = known !== undefined && ownerOf(database, known.owner);
    databases.set(database.name, { restricted: false, invalid: false, ...known, owner: database.owner });
    if (isOwner) return [];
    if (known !== undefined) return [`ALTER DATABASE ${name} OWNER TO ${owner}`];
    return [
      `CREATE DATABASE ${name} ${optionsText(database.options)} OWNER ${owner}`,
      `GRANT ALL PRIVILEGES ON DATABASE ${name} TO ${SUPERUSER_ROLE}`,
    ];
  });
}

const ownerOf = ({ owner }: SpecDatabase, printed: string): boolean =>
  printed.startsWith('"') ? quoteIdentifier(owner) === printed : owner === printed;
