import { resolve } from "node:path";
import { PgServer } from "../../wire";
import type { DaemonContext, HostPort, Logger, RunningDaemon } from "../service";
import { claimPidFile, errorText, JwtAuth, jsonText } from "../service";
import { PgTokens } from "../service/pg-tokens";
import { BrokerLink } from "./broker-link";
import { parseConfig, type SafekeeperConfig } from "./config";
import { controlFileBody, readControlFileAt } from "./control-file";
import { createHttpApi } from "./http-api";
import { SafekeeperMetrics } from "./metrics";
import { claimNodeId } from "./node-id";
import { PgService } from "./pg-service";
import { TimelineMap } from "./timeline-map";

const format = ({ host, port }: HostPort): string => `${host}:${port}`;

async function dumpControlFile(path: string): Promise<void> {
  const { state, progress } = await readControlFileAt(path);
  process.stdout.write(`${jsonText(controlFileBody(state, progress), 2)}\n`);
}

/** Stores moving positions now and then; after a restart the end of WAL is looked for from there. */
function storeProgressEvery(intervalMs: number, timelines: TimelineMap, log: Logger): NodeJS.Timeout {
  let failed = false;
  const storeAll = async (): Promise<void> => {
    try {
      await Promise.all(timelines.all.map((timeline) => timeline.storeProgress()));
      failed = false;
    } catch (error) {
      // A disk that stays full is worth one line.
      if (!failed) log.error(`failed to store control files: ${errorText(error)}`);
      failed = true;
    }
  };
  return setInterval(() => void storeAll(), intervalMs);
}

async function authOf(keyPath: string | undefined): Promise<JwtAuth | undefined> {
  return keyPath === undefined ? undefined : JwtAuth.fromPath(keyPath);
}

function configDump(config: SafekeeperConfig, nodeId: number) {
  return {
    id: nodeId,
    workdir: resolve(config.workdir),
    listen_pg_addr: format(config.listenPg),
    listen_http_addr: format(config.listenHttp),
    no_sync: !config.sync,
    max_offloader_lag_bytes: 128 * 1024 * 1024,
    wal_backup_enabled: false,
  };
}

async function serve(config: SafekeeperConfig, nodeId: number, log: Logger): Promise<RunningDaemon> {
  const { workdir, sync, heartbeatTimeoutMs, availabilityZone } = config;
  const metrics = new SafekeeperMetrics();
  const onOpened = new Set<(timeline: (typeof timelines.all)[number]) => void>();
  const timelines: TimelineMap = new TimelineMap({
    workdir: resolve(workdir),
    nodeId,
    sync,
    log,
    onOpened: (timeline) => onOpened.forEach((notify) => notify(timeline)),
  });
  metrics.observe(timelines);
  await timelines.load();
  const listenPg = (address: HostPort, tokens: PgTokens) =>
    PgServer.listen({ ...address, handler: new PgService({ timelines, metrics, log, tokens }) });
  const pg = await listenPg(config.listenPg, new PgTokens(await authOf(config.pgAuthKeyPath)));
  const tenantOnlyAuth = await authOf(config.pgTenantOnlyAuthKeyPath);
  const tenantOnly =
    config.listenPgTenantOnly === undefined
      ? undefined
      : await listenPg(config.listenPgTenantOnly, new PgTokens(tenantOnlyAuth, ({ scope }) => scope === "tenant"));
  const http = createHttpApi({
    log,
    nodeId,
    timelines,
    metrics,
    heartbeatTimeoutMs,
    auth: await authOf(config.httpAuthKeyPath),
    configDump: configDump(config, nodeId),
  });
  await http.listen(config.listenHttp.host, config.listenHttp.port);
  const pgAddress = format({ host: config.listenPg.host, port: pg.port });
  const httpAddress = format({ host: config.listenHttp.host, port: http.port });
  const endpoint = config.brokerEndpoint;
  const broker = new BrokerLink({ endpoint, log, timelines, metrics, pgAddress, httpAddress, availabilityZone });
  for (const timeline of timelines.all) broker.watch(timeline);
  onOpened.add((timeline) => broker.watch(timeline));
  const saving = storeProgressEvery(config.controlFileSaveIntervalMs, timelines, log);
  log.info(`safekeeper ${nodeId} is listening: pg ${pgAddress}, http ${httpAddress}`);
  return {
    stop: async () => {
      clearInterval(saving);
      broker.close();
      await Promise.all([pg.close(), tenantOnly?.close(), http.close()]);
      await timelines.close();
    },
  };
}

/** The safekeeper daemon (neon-protocols §2.2): argv → running, or done at once for --init and --dump-control-file. */
export async function startSafekeeper({ argv, log }: DaemonContext): Promise<RunningDaemon> {
  const config = parseConfig(argv);
  const done: RunningDaemon = { stopped: Promise.resolve(), stop: () => Promise.resolve() };
  if (config.dumpControlFile !== undefined) {
    await dumpControlFile(config.dumpControlFile);
    return done;
  }
  const nodeId = await claimNodeId(config.workdir, config.id);
  if (config.initOnly) return done;
  await claimPidFile(resolve(config.workdir, "safekeeper.pid"));
  return serve(config, nodeId, log);
}
