import { type PgConnection, PgError } from "../../../wire";
import { internal } from "../../service";
import { quoteIdentifier, quoteLiteral } from "./quoting";

/** Body of POST /extensions. */
export interface ExtensionRequest {
  extension: string;
  database: string;
  version: string;
}

/** Installs or updates it to that version; its error names the statement, and not Postgres's reason, as Neon's does. */
export async function installExtension(connection: PgConnection, request: ExtensionRequest): Promise<void> {
  const { extension, version } = request;
  const known = await connection.query(
    `SELECT extversion FROM pg_extension WHERE extname = ${quoteLiteral(extension)}`,
  );
  const installed = known.rows[0]?.[0];
  if (installed === version) return;
  const [name, wanted] = [quoteIdentifier(extension), quoteIdentifier(version)];
  const create = `CREATE EXTENSION IF NOT EXISTS ${name} WITH VERSION ${wanted}`;
  const sql = installed === undefined ? create : `ALTER EXTENSION ${name} UPDATE TO ${wanted}`;
  await connection.query(sql).catch((error: unknown) => {
    if (!(error instanceof PgError)) throw error;
    throw internal(`failed to install extension: Failed to execute query: ${sql}`);
  });
}
