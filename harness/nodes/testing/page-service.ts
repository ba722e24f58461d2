import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parse } from "smol-toml";
import { decodePagestreamRequest, encodePagestreamResponse, PgError, PgServer } from "../../wire";
import type { PagestreamVersion, PgServerConnection } from "../../wire";

/**
 * A program that stands in for `pageserver`, for self-tests: it echoes Test messages and can detach tenants. With
 * HOLD_WHILE_FLUSHING=1 it has the bug that the slow-reader tests exist for: detach and shutdown wait until every
 * response has reached its client. It answers the storage controller's attach hook, too.
 */
const holdsWhileFlushing = process.env["HOLD_WHILE_FLUSHING"] === "1";
const sessions = new Set<Promise<void>>();

async function echo(conn: PgServerConnection, sql: string): Promise<void> {
  const version = Number(/^pagestream_v([23]) /.exec(sql)?.[1] ?? "3") as PagestreamVersion;
  const stream = conn.startCopyBoth();
  for await (const payload of stream) {
    const request = decodePagestreamRequest(version, payload);
    if (request.kind !== "test") throw new PgError("only Test messages are answered here");
    const answer = { kind: "test", batchKey: request.batchKey, message: request.message } as const;
    if (!stream.write(encodePagestreamResponse(version, request, answer))) await stream.drained();
  }
}

/** A client that goes away ends its session; that is no failure of ours. */
function serve(conn: PgServerConnection, sql: string): Promise<void> {
  const session = echo(conn, sql).finally(() => sessions.delete(session));
  sessions.add(session);
  return session;
}

async function letGo(server: PgServer): Promise<void> {
  if (holdsWhileFlushing) await Promise.allSettled(sessions);
  for (const connection of server.connections) connection.destroy();
}

function settings(): { dir: string; pg: URL; http: URL } {
  const dir = process.argv[process.argv.indexOf("-D") + 1] ?? ".";
  const config = parse(readFileSync(join(dir, "pageserver.toml"), "utf8"));
  return {
    dir,
    pg: new URL(`tcp://${config["listen_pg_addr"]}`),
    http: new URL(`tcp://${config["listen_http_addr"]}`),
  };
}

const { dir, pg, http } = settings();
writeFileSync(join(dir, "pageserver.pid"), String(process.pid));
const server = await PgServer.listen({ host: pg.hostname, port: Number(pg.port), handler: { query: serve } });
const api = createServer((request, response) => {
  process.stdout.write(`${request.method} ${request.url}\n`);
  const isDetach = request.method === "PUT" && request.url?.endsWith("/location_config") === true;
  request.resume();
  void (isDetach ? letGo(server) : Promise.resolve()).then(() => response.end(JSON.stringify({ gen: null })));
}).listen(Number(http.port), http.hostname);

process.on("SIGTERM", () => {
  process.stdout.write("SIGTERM: waiting for the page service\n");
  api.close();
  api.closeAllConnections();
  server.stopAccepting();
  void letGo(server).then(() => process.exit(0));
});
