import { availableParallelism } from "node:os";
import { type PgConnection, PgError } from "../../../wire";
import { ApiError, errorText, type HttpHandler, HttpReply, type HttpRequest, HttpService } from "../../service";
import type { Logger } from "../../service";
import { dumpSchema } from "../catalog/dump-schema";
import { type ExtensionRequest, installExtension } from "../catalog/extensions";
import { checkWritability, databasesAndRoles, insights, installedExtensions } from "../catalog/report";
import { grantOnSchema, PRIVILEGES, type SchemaGrant } from "../catalog/schema-grant";
import type { ComputeNode } from "../compute-node";
import { configure } from "./configure";
import { configureFailpoints } from "./failpoints";
import { readObject, wrongShape } from "./json-body";

/** compute_ctl words its errors as `{"error": …}`, unlike the other daemons. */
function withComputeErrors(handler: HttpHandler): HttpHandler {
  return async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      const text = error instanceof PgError ? `db error: ERROR: ${error.message}` : errorText(error);
      const status = error instanceof ApiError ? error.status : 500;
      if (status !== 412) request.log.error(text);
      return new HttpReply(status, { error: text });
    }
  };
}

/** The HTTP API of compute_ctl (neon-protocols §3.4). */
export function createHttpApi(node: ComputeNode, log: Logger): HttpService {
  const http = new HttpService(log, { notFound: new HttpReply(404, "", "") });
  const route = (method: "GET" | "POST", path: string, handler: HttpHandler) =>
    http.route(method, path, withComputeErrors(handler));
  route("GET", "/status", () => node.state);
  route("GET", "/metrics.json", () => node.state.metrics);
  route("GET", "/metrics", () => node.metrics.answer());
  route("GET", "/info", () => ({ num_cpus: availableParallelism() }));
  route("POST", "/configure", (request) => configure(node, request));
  route("POST", "/terminate", () => terminate(node));
  route("POST", "/failpoints", configureFailpoints);
  route("POST", "/extension_server/*", () => {
    throw new ApiError(412, "remote storage is not configured");
  });
  addCatalogRoutes(node, route);
  return http;
}

type AddRoute = (method: "GET" | "POST", path: string, handler: HttpHandler) => void;

function addCatalogRoutes(node: ComputeNode, route: AddRoute): void {
  const inside = async <T>(database: string | undefined, use: (connection: PgConnection) => Promise<T>): Promise<T> => {
    const connection = await node.connect(database);
    try {
      return await use(connection);
    } finally {
      connection.destroy();
    }
  };
  const whileRunning = <T>(use: (connection: PgConnection) => Promise<T>) => {
    node.state.require("running");
    return inside(undefined, use);
  };
  route("GET", "/dbs_and_roles", () => inside(undefined, databasesAndRoles));
  route("GET", "/insights", () => whileRunning(insights));
  route("POST", "/check_writability", () => whileRunning(checkWritability));
  route("GET", "/database_schema", async (request) => {
    const database = requireQuery(request, "database");
    const dump = await inside(undefined, (connection) => dumpSchema(connection, node.commandLine, database));
    return new HttpReply(200, dump, "application/json");
  });
  route("GET", "/installed_extensions", async () => {
    const found = await whileRunning((connection) => installedExtensions(connection, (name) => node.connect(name)));
    node.metrics.found(found.extensions);
    return found;
  });
  route("POST", "/extensions", async (request) => {
    const asked = await readObject<ExtensionRequest>(request, ["extension", "database", "version"]);
    node.state.require("running");
    await inside(asked.database, (connection) => installExtension(connection, asked));
    return new HttpReply(201, { extension: asked.extension, version: asked.version });
  });
  route("POST", "/grants", async (request) => {
    const grant = await readGrant(request);
    node.state.require("running");
    await inside(grant.database, (connection) => grantOnSchema(connection, grant));
    return new HttpReply(201, grant);
  });
}

function requireQuery(request: HttpRequest, name: string): string {
  const value = request.query.get(name);
  if (value === null) throw new ApiError(400, `failed to deserialize query string: missing field \`${name}\``);
  return value;
}

async function readGrant(request: HttpRequest): Promise<SchemaGrant> {
  const { database, schema, role, privileges } = await readObject<SchemaGrant>(request, ["database", "schema", "role"]);
  if (!Array.isArray(privileges)) throw wrongShape("missing field `privileges`");
  const unknown = privileges.find((privilege) => !PRIVILEGES.includes(privilege));
  if (unknown === undefined) return { database, schema, privileges, role };
  const expected = PRIVILEGES.map((privilege) => `\`${privilege}\``.toLowerCase()).join(", ");
  throw wrongShape(
    `privileges[${privileges.indexOf(unknown)}]: unknown variant \`${unknown}\`, expected one of ${expected}`,
  );
}

/** Answers when Postgres has ended; compute_ctl itself stays for a while, and says so. */
async function terminate(node: ComputeNode): Promise<HttpReply> {
  if (node.state.status === "terminated") return new HttpReply(201, "", "");
  node.state.require("running");
  await node.terminate();
  return new HttpReply(200, "", "");
}
