import { availableParallelism } from "node:os";
import { Gauge } from "prom-client";
import { type PgConnection, PgError } from "../../wire";
import {
  ApiError,
  createRegistry,
  errorText,
  type HttpHandler,
  HttpReply,
  type HttpRequest,
  HttpService,
} from "../service";
import { type Logger, metricsRoute, parseJson } from "../service";
import { databasesAndRoles, installedExtensions } from "./catalog-report";
import { grantOnSchema, type SchemaGrant } from "./schema-grant";
import type { ComputeNode } from "./compute-node";
import { type ComputeSpec, parseSpec, SpecError } from "./spec";

const BAD_SPEC = "failed to deserialize the json body into the target type";

/** compute_ctl words its errors as `{"error": …}`, unlike the other daemons. */
function withComputeErrors(handler: HttpHandler): HttpHandler {
  return async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      if (error instanceof ApiError) return new HttpReply(error.status, { error: error.message });
      const text = error instanceof PgError ? `db error: ERROR: ${error.message}` : errorText(error);
      return new HttpReply(500, { error: text });
    }
  };
}

async function readSpec(request: HttpRequest): Promise<ComputeSpec> {
  const text = (await request.body()).toString("utf8");
  let body: unknown;
  try {
    body = parseJson(text);
  } catch (error) {
    throw new ApiError(400, `failed to parse the request body as JSON: ${errorText(error)}`);
  }
  const spec: unknown = (body as { spec?: unknown } | null)?.spec;
  if (spec === undefined)
    throw new ApiError(422, `${BAD_SPEC}: missing field \`spec\` at line 1 column ${text.length}`);
  try {
    return parseSpec(spec);
  } catch (error) {
    throw new ApiError(422, `${BAD_SPEC}: ${errorText(error)}`);
  }
}

async function configure(node: ComputeNode, request: HttpRequest): Promise<unknown> {
  const spec = await readSpec(request);
  const { status } = node.state;
  if (status !== "running") throw new ApiError(412, `invalid compute status for configuration request: ${status}`);
  if (spec.mode.kind !== "Primary")
    throw new ApiError(412, new SpecError("the mode of a compute cannot change").message);
  await node.configure(spec);
  return node.state;
}

async function terminate(node: ComputeNode): Promise<HttpReply> {
  if (node.state.status !== "running") {
    throw new ApiError(412, `invalid compute status for termination request: ${node.state.status}`);
  }
  node.stop("SIGINT");
  await node.stopped;
  return new HttpReply(200, "", "text/plain");
}

/** GET /metrics: what the daemons share, and whether Postgres is up. */
function addMetrics(http: HttpService, node: ComputeNode): void {
  const registry = createRegistry();
  const up: Gauge = new Gauge({
    name: "compute_ctl_up",
    help: "Whether compute_ctl is running",
    labelNames: ["status"],
    registers: [registry],
    collect: () => {
      up.reset();
      up.set({ status: node.state.status }, 1);
    },
  });
  metricsRoute(http, registry);
}

/** Whoever wants this answered makes the table `health_check (id, updated_at)` first. */
async function checkWritability(connection: PgConnection): Promise<boolean> {
  await connection.query(
    "INSERT INTO health_check VALUES (1, pg_catalog.now()) ON CONFLICT (id) DO UPDATE SET updated_at = pg_catalog.now()",
  );
  return true;
}

/** The HTTP API of compute_ctl, as far as this engine has it (neon-protocols §3.4). */
export function createHttpApi(node: ComputeNode, log: Logger): HttpService {
  const http = new HttpService(log, { notFound: new HttpReply(404, "", "") });
  const route = (method: "GET" | "POST", path: string, handler: HttpHandler) =>
    http.route(method, path, withComputeErrors(handler));
  const withConnection = async <T>(use: (connection: Awaited<ReturnType<ComputeNode["connect"]>>) => Promise<T>) => {
    const connection = await node.connect();
    try {
      return await use(connection);
    } finally {
      connection.destroy();
    }
  };
  route("GET", "/status", () => node.state);
  route("GET", "/metrics.json", () => node.state.metrics);
  route("GET", "/info", () => ({ num_cpus: availableParallelism() }));
  route("GET", "/dbs_and_roles", () => withConnection(databasesAndRoles));
  route("GET", "/installed_extensions", () =>
    withConnection((connection) => installedExtensions(connection, (database) => node.connect(database))),
  );
  route("POST", "/check_writability", () => withConnection(checkWritability));
  route("POST", "/grants", async (request) => {
    const grant = await request.json<SchemaGrant>();
    const connection = await node.connect(grant.database);
    try {
      await grantOnSchema(connection, grant);
    } finally {
      connection.destroy();
    }
    return new HttpReply(201, grant);
  });
  route("POST", "/configure", (request) => configure(node, request));
  route("POST", "/terminate", () => terminate(node));
  addMetrics(http, node);
  return http;
}
