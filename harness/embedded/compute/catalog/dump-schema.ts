import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { PgConnection } from "../../../wire";
import { ApiError, internal } from "../../service";
import type { CommandLine } from "../command-line";
import { quoteLiteral } from "./quoting";

const LARGEST_DUMP = 256 * 1024 * 1024;

/**
 * What pg_dump says of a database's schema. A Postgres from npm has no client programs: then the error says that, after
 * Neon's own words for a pg_dump that doesn't run. 404 where there is no such database.
 */
export async function dumpSchema(
  connection: PgConnection,
  { pgbin, postgres }: CommandLine,
  database: string,
): Promise<string> {
  const known = await connection.query(`SELECT 1 FROM pg_database WHERE datname = ${quoteLiteral(database)}`);
  if (known.rows.length === 0) throw new ApiError(404, "database does not exist");
  const program = join(dirname(pgbin), "pg_dump");
  await access(program).catch(() => {
    throw internal(`failed to execute pg_dump: this Postgres has no client programs, there is no ${program}`);
  });
  const { host, port, user } = postgres;
  const args = ["--host", host, "--port", String(port), "--username", user, "--schema-only"];
  // A name with an equals sign on the command line would be taken for connection parameters.
  const env = { ...process.env, PGDATABASE: database };
  const { stdout } = await promisify(execFile)(program, args, { env, maxBuffer: LARGEST_DUMP });
  return stdout;
}
