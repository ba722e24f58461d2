import type { PgConnection } from "../../wire";
import { PgError } from "../../wire";
import { ApiError, internal } from "../service";
import { quoteIdentifier } from "./catalog";

/** Body of POST /grants, and of its answer. */
export interface SchemaGrant {
  database: string;
  schema: string;
  role: string;
  privileges: string[];
}

/** Gives a role privileges on a schema. The error names the statement and not Postgres's reason, as compute_ctl's does. */
export async function grantOnSchema(connection: PgConnection, grant: SchemaGrant): Promise<void> {
  const { schema, role, privileges } = grant;
  // The privileges are keywords; anything else would be a way to run any statement.
  const unknown = privileges.find((privilege) => !/^[A-Za-z]+$/.test(privilege));
  if (unknown !== undefined) throw new ApiError(422, `unknown privilege ${unknown}`);
  const sql = `GRANT ${privileges.join(", ")} ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(role)}`;
  try {
    await connection.query(sql);
  } catch (error) {
    if (!(error instanceof PgError)) throw error;
    throw internal(`failed to grant role privileges to the schema: Failed to execute query: ${sql}`);
  }
}
