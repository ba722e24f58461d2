import { Client } from "pg";
import type { CustomTypesConfig, QueryArrayResult, QueryResult } from "pg";
import type { Route } from "./routes";

/** One statement as the driver's HTTP body has it. */
interface Statement {
  readonly query: string;
  readonly params?: readonly unknown[];
}

export type SqlBody = Statement | { readonly queries: readonly Statement[] };

export interface SqlCall {
  readonly route: Route;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly body: SqlBody;
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Values stay as Postgres wrote them: the driver has type parsers of its own. */
const RAW_TEXT: CustomTypesConfig = { getTypeParser: () => (text: unknown) => text };

/** Runs what one POST to /sql asks for, in a session of its own; several statements are one transaction. */
export async function runSql(call: SqlCall): Promise<unknown> {
  const { route, user, password, database, body } = call;
  const client = new Client({ ...route.address, user, password, database, connectionTimeoutMillis: 10_000 });
  // A server that goes away is told of by the query that was under way.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return "queries" in body
      ? { results: await runBatch(client, call, body.queries) }
      : await runOne(client, call, body);
  } finally {
    await client.end();
  }
}

async function runBatch(client: Client, call: SqlCall, statements: readonly Statement[]): Promise<unknown[]> {
  const results: unknown[] = [];
  await client.query(`begin ${transactionModes(call.headers)}`);
  for (const statement of statements) results.push(await runOne(client, call, statement));
  await client.query("commit");
  return results;
}

function transactionModes(headers: SqlCall["headers"]): string {
  const isolation = headers["neon-batch-isolation-level"];
  const modes: string[] = [];
  const level = typeof isolation === "string" ? LEVELS[isolation.toLowerCase()] : undefined;
  if (level !== undefined) modes.push(`isolation level ${level}`);
  if (headers["neon-batch-read-only"] === "true") modes.push("read only");
  if (headers["neon-batch-deferrable"] === "true") modes.push("deferrable");
  return modes.join(", ");
}

const LEVELS: Readonly<Record<string, string>> = {
  readuncommitted: "read uncommitted",
  readcommitted: "read committed",
  repeatableread: "repeatable read",
  serializable: "serializable",
};

async function runOne(client: Client, { headers }: SqlCall, { query, params = [] }: Statement): Promise<unknown> {
  const isArrays = headers["neon-array-mode"] === "true";
  const types = headers["neon-raw-text-output"] === "true" ? { types: RAW_TEXT } : {};
  const config = { text: query, values: [...params], ...types };
  const result: QueryResult | QueryArrayResult = isArrays
    ? await client.query({ ...config, rowMode: "array" })
    : await client.query(config);
  return {
    command: result.command,
    rowCount: result.rowCount,
    rowAsArray: isArrays,
    fields: result.fields,
    rows: result.rows,
  };
}
