import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Client } from "pg";
import type { ClientConfig } from "pg";
import { recorded } from "../events";
import { HarnessError, messageOfUnknown } from "../types";

export type SqlRow = Record<string, unknown>;

export interface SqlTarget {
  /** For messages. */
  name: string;
  host: string;
  port: number;
  user: string;
  database: string;
  password?: string;
  tls?: SqlTls;
}

/** A session over TLS; without `verify: false` the server's certificate must be signed by `ca`, or by a public authority. */
export interface SqlTls {
  verify?: boolean;
  /** PEM. */
  ca?: string;
}

export interface SqlOptions {
  user?: string;
  password?: string;
  database?: string;
  /** Ends a statement that takes longer; 120 s when not given. */
  statementTimeoutMs?: number;
  applicationName?: string;
  tls?: SqlTls;
  /** Whether its queries stand in the test's events; they do when not said. Writing them costs more than a short query. */
  recorded?: boolean;
}

/** One session. It stays usable until it is closed or its server goes; then `query` rejects, and nothing else happens. */
export class SqlSession implements AsyncDisposable {
  readonly #client: Client;
  readonly #server: string;
  readonly #isRecorded: boolean;
  #lost: Error | undefined;

  private constructor(client: Client, server: string, isRecorded: boolean) {
    this.#client = client;
    this.#server = server;
    this.#isRecorded = isRecorded;
    // An idle client whose server dies emits an error; without a listener that would end the whole test run.
    client.on("error", (error) => (this.#lost = error));
  }

  static async connect(target: SqlTarget, options: SqlOptions = {}): Promise<SqlSession> {
    const password = options.password ?? target.password;
    const tls = options.tls ?? target.tls;
    const config: ClientConfig = {
      host: target.host,
      port: target.port,
      user: options.user ?? target.user,
      database: options.database ?? target.database,
      options: `-cstatement_timeout=${options.statementTimeoutMs ?? 120_000}`,
      connectionTimeoutMillis: 20_000,
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { ssl: { rejectUnauthorized: tls.verify !== false, ...tls } }),
      ...(options.applicationName === undefined ? {} : { application_name: options.applicationName }),
    };
    const client = new Client(config);
    const session = new SqlSession(client, target.name, options.recorded !== false);
    try {
      await client.connect();
    } catch (cause) {
      throw new HarnessError("SQL_ERROR", {
        summary: `${target.name} takes no connection`,
        expected: `Postgres at ${target.host}:${target.port}, database ${config.database}, user ${config.user}`,
        found: messageOfUnknown(cause),
        cause,
      });
    }
    return session;
  }

  /** Rows of the last statement. Errors are those of `pg` (with `code`, the SQLSTATE). */
  async query(text: string, values?: readonly unknown[]): Promise<SqlRow[]> {
    if (this.#lost !== undefined) throw this.#lost;
    const event = (error: string | undefined) => ({ kind: "query", node: this.#server, text, error }) as const;
    const run = (): Promise<unknown> => this.#client.query(text, values === undefined ? undefined : [...values]);
    const result = await (this.#isRecorded ? recorded(event, run) : run());
    const last: unknown = Array.isArray(result) ? result.at(-1) : result;
    return (last as { rows?: SqlRow[] } | undefined)?.rows ?? [];
  }

  /** `COPY … FROM STDIN`: rows in the text format, piece by piece. */
  async copyIn(text: string, pieces: Iterable<string>): Promise<void> {
    const { from } = await import("pg-copy-streams");
    await pipeline(Readable.from(pieces), this.#client.query(from(text)));
  }

  /** `COPY … TO STDOUT`; returns how many bytes came. */
  async copyOut(text: string): Promise<number> {
    const { to } = await import("pg-copy-streams");
    let bytes = 0;
    for await (const piece of this.#client.query(to(text))) bytes += (piece as Buffer).length;
    return bytes;
  }

  /** The same as a tagged template; `${value}` becomes a parameter, never text of the statement. */
  sql(strings: TemplateStringsArray, ...values: unknown[]): Promise<SqlRow[]> {
    return this.query(...templateQuery(strings, values));
  }

  async close(): Promise<void> {
    if (this.#lost === undefined) await this.#client.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export function templateQuery(
  strings: TemplateStringsArray,
  values: readonly unknown[],
): [string, unknown[] | undefined] {
  const text = strings.reduce((joined, part, index) => `${joined}$${index}${part}`);
  return [text, values.length === 0 ? undefined : [...values]];
}

/** Runs one statement in a session of its own. */
export async function queryOnce(
  target: SqlTarget,
  text: string,
  values?: readonly unknown[],
  options: SqlOptions = {},
): Promise<SqlRow[]> {
  const session = await SqlSession.connect(target, options);
  try {
    return await session.query(text, values);
  } finally {
    await session.close();
  }
}
