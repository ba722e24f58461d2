import { HarnessError } from "../types";
import { queryOnce, SqlSession, templateQuery } from "./sql";
import type { SqlOptions, SqlRow, SqlTarget } from "./sql";

/** A Postgres that somebody else runs: it has SQL, and nothing of it can be started, stopped or configured. */
export class RemotePostgres {
  readonly #target: SqlTarget;
  readonly connstr: string;

  /** Throws BAD_VALUE for what is no connection string of the form postgresql://user:password@host/database?sslmode=… */
  constructor(connstr: string) {
    this.connstr = connstr;
    this.#target = parseConnectionString(connstr);
  }

  sql(strings: TemplateStringsArray, ...values: unknown[]): Promise<SqlRow[]> {
    return queryOnce(this.#target, ...templateQuery(strings, values));
  }

  query(text: string, values?: readonly unknown[], options: SqlOptions = {}): Promise<SqlRow[]> {
    return queryOnce(this.#target, text, values, options);
  }

  connect(options: SqlOptions = {}): Promise<SqlSession> {
    return SqlSession.connect(this.#target, options);
  }
}

function parseConnectionString(text: string): SqlTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === "" || url.username === "") {
    throw new HarnessError("BAD_VALUE", {
      summary: "this is not a connection string",
      expected: "postgresql://user:password@host:port/database?sslmode=require",
      // It may hold a password, so it isn't shown.
      found:
        url === undefined ? "text that is no URL" : `a URL of ${url.protocol}//, host ${url.hostname || "missing"}`,
      todo: "correct BENCHMARK_CONNSTR, or whatever gave it",
    });
  }
  return {
    name: `Postgres at ${url.host}`,
    host: url.hostname,
    port: url.port === "" ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...tlsOf(url.searchParams.get("sslmode")),
  };
}

/** libpq's modes; `prefer` and `allow` are taken as no TLS, for that is what a server on the same machine has. */
function tlsOf(mode: string | null): Pick<SqlTarget, "tls"> {
  if (mode === "require") return { tls: { verify: false } };
  if (mode === "verify-ca" || mode === "verify-full") return { tls: { verify: true } };
  return {};
}
