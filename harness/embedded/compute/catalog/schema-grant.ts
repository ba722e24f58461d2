import { type PgConnection, PgError } from "../../../wire";
import { internal } from "../../service";
import { quoteIdentifier } from "./quoting";

/** Body of POST /grants, and of its answer. */
export interface SchemaGrant {
  database: string;
  schema: string;
  privileges: string[];
  role: string;
}

/** What may stand in a grant; anything else would be a way to run any statement. */
export const PRIVILEGES: readonly string[] = [
  ...["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE", "CREATE", "CONNECT"],
  ...["TEMPORARY", "EXECUTE"],
];

/** Gives a role privileges on a schema. The error names the statement and not Postgres's reason, as compute_ctl's does. */
export async function grantOnSchema(connection: PgConnection, grant: SchemaGrant): Promise<void> {
  const { schema, role, privileges } = grant;
  const sql = `GRANT ${privileges.join(", ")} ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(role)}`;
  await connection.query(sql).catch((error: unknown) => {
    if (!(error instanceof PgError)) throw error;
    throw internal(`failed to grant role privileges to the schema: Failed to execute query: ${sql}`);
  });
}
