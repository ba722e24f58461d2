import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Registry } from "prom-client";
import { PgServer } from "../../wire";
import { BrokerClient } from "../broker/client";
import {
  claimPidFile,
  createRegistry,
  type DaemonContext,
  failpoint,
  HttpReply,
  HttpService,
  internal,
  JwtAuth,
  metricsRoute,
  openRemoteStorage,
  parseArguments,
  type RunningDaemon,
  timestamp,
  unavailable,
} from "../service";
import { loadConfig, type PageserverConfig } from "./config/config";
import { requirePermission } from "./http/permissions";
import { addRoutes } from "./http/routes";
import { addPageserverMetrics } from "./metrics";
import { PageService } from "./page-service/handler";
import { MaterializedImages } from "./page-service/materialized-images";
import { materializerFor } from "./page-service/materializer";
import { DeletionQueue } from "./remote/deletion-queue";
import { stats } from "./stats";
import { initialLoad } from "./tenants/initial-load";
import { reAttach } from "./tenants/re-attach";
import { TenantManager } from "./tenants/tenant-manager";
import { validatorFor } from "./tenants/validate-generations";
import { QuerySeries } from "./timeline/timeline-metrics";

/** How often open layers are checked for their age. */
const FLUSH_CHECK_MS = 1000;

/** The pageserver: binds its ports, asks the storage controller what to attach, loads that, and only then answers. */
export async function startPageserver(context: DaemonContext): Promise<RunningDaemon> {
  const options = parseArguments({ workdir: { short: "D", kind: "string", default: ".neon" } }, context.argv);
  const workdir = resolve(options.workdir);
  // Relative paths in the configuration are relative to the node's directory.
  process.chdir(workdir);
  const config = await loadConfig(workdir);
  await claimPidFile(join(workdir, "pageserver.pid"));
  await mkdir(join(workdir, "tenants"), { recursive: true });
  const registry = createRegistry();
  const manager = createManager(config, registry, context);
  const ready = deferred();
  const auth = config.authKeyPath === undefined ? undefined : await JwtAuth.fromPath(config.authKeyPath);
  const http = createHttp(manager, registry, { ready: ready.promise, auth: config.httpAuth ? auth : undefined });
  await http.listen(config.listenHttp.host, config.listenHttp.port);
  const service = new PageService(manager, ready.promise, config.pgAuth ? auth : undefined);
  const parameters = config.pgAuth ? { integer_datetimes: undefined, server_version: undefined } : {};
  const pg = await PgServer.listen({ ...config.listenPg, handler: service, parameters });
  const stopped = load(manager, context).then(() => {
    ready.resolve();
    return new Promise<void>(() => undefined);
  });
  const timer = setInterval(() => flushOldLayers(manager), FLUSH_CHECK_MS);
  return {
    stopped,
    stop: async () => {
      clearInterval(timer);
      await stopAll(manager, pg, http);
    },
  };
}

function createManager(config: PageserverConfig, registry: Registry, context: DaemonContext): TenantManager {
  const { remoteStorage, workdir, noSync, testRemoteFailures: failures } = config;
  const { log, shutdown } = context;
  const common = { where: "pageserver.toml", workdir, sync: !noSync, log, shutdown };
  const remote = openRemoteStorage(remoteStorage, { ...common, failures });
  return new TenantManager({
    config,
    remote,
    deletions: new DeletionQueue(remote, validatorFor(config), log),
    broker: new BrokerClient({ endpoint: config.brokerEndpoint, log }),
    images: new MaterializedImages(join(config.workdir, "materialized"), materializerFor(config)),
    queries: new QuerySeries(registry),
    log,
  });
}

/** Paths that need no token. */
const OPEN_PATHS = ["/v1/status", "/v1/doc", "/swagger.yml", "/metrics", "/profile/cpu", "/profile/heap"];

function createHttp(
  manager: TenantManager,
  registry: Registry,
  options: { ready: Promise<void>; auth: JwtAuth | undefined },
): HttpService {
  const http = new HttpService(manager.node.log, {
    notFound: new HttpReply(404, { msg: "page not found" }),
    headers: { pageserver_launch_timestamp: `${timestamp().replace("T", " ").replace("Z", "")} UTC` },
    auth: options.auth,
    openPaths: OPEN_PATHS,
    authorize: async (request) => {
      requirePermission(request);
      if (request.path !== "/v1/failpoints") await failRequest();
      // The port is bound before the tenants are loaded, but requests are answered after that.
      await options.ready;
    },
  });
  addRoutes(http, manager, options.auth);
  addPageserverMetrics(registry, manager);
  metricsRoute(http, registry);
  return http;
}

async function failRequest(): Promise<void> {
  if ((await failpoint("api-503")) !== undefined) throw unavailable("failpoint");
  if ((await failpoint("api-500")) !== undefined) throw internal("failpoint");
}

async function load(manager: TenantManager, { log, shutdown }: DaemonContext): Promise<void> {
  const { config, images } = manager.node;
  try {
    await images.start();
    const answer =
      config.controlPlaneApi === undefined ? undefined : await reAttach(config, config.controlPlaneApi, log, shutdown);
    passPhase("initial");
    await initialLoad(manager, answer);
    passPhase("initial_tenant_load");
    manager.maintenance.start();
    manager.warmCopies.start();
    stats.startup.isLoading = 0;
    for (const phase of ["background_jobs_can_start", "complete"]) passPhase(phase);
    log.info("Initial load completed");
  } catch (error) {
    // Told to stop while loading: there is nothing to complain about.
    if (!shutdown.aborted) throw error;
  }
}

function passPhase(name: string): void {
  stats.startup.phases.set(name, performance.now() / 1000);
}

function flushOldLayers(manager: TenantManager): void {
  for (const timeline of manager.all().flatMap((tenant) => [...tenant.timelines.values()])) {
    const { open } = timeline.wal;
    if (open === undefined || timeline.state !== "Active") continue;
    if (Date.now() - open.createdAt >= timeline.conf().milliseconds("checkpoint_timeout")) timeline.flushSoon();
  }
}

async function stopAll(manager: TenantManager, pg: PgServer, http: HttpService): Promise<void> {
  const begin = performance.now();
  pg.stopAccepting();
  await manager.shutdown();
  await pg.close();
  await manager.node.deletions.close();
  manager.node.broker.close();
  await http.close();
  manager.node.log.info(`Shut down successfully completed elapsed_ms=${Math.round(performance.now() - begin)}`);
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
