import { resolve } from "node:path";
import { PgServer } from "../../wire";
import { type DaemonContext, type HostPort, type Logger, openRemoteStorage, type RunningDaemon } from "../service";
import { claimPidFile, errorText, JwtAuth, jsonText } from "../service";
import { PgTokens } from "../service/pg-tokens";
import type { BackupConfig } from "./backup/backup-config";
import type { BackupCounts } from "./backup/backup-counts";
import { TimelineKeeper } from "./backup/timeline-keeper";
import type { Timeline } from "./timeline";
import { BrokerLink } from "./broker-link";
import { parseConfig, type SafekeeperConfig } from "./config";
import { controlFileBody, readControlFileAt } from "./control-file";
import { createHttpApi } from "./http-api";
import { SafekeeperMetrics } from "./metrics";
import { claimNodeId } from "./node-id";
import { PeerRecovery } from "./peer-recovery";
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

const KEEPER_INTERVAL_MS = 300;

/** Lets every timeline's WAL be backed up, removed and evicted when it is time. */
function keepTimelines(
  timelines: TimelineMap,
  options: { config: BackupConfig; counts: BackupCounts; heartbeatTimeoutMs: number; log: Logger },
): NodeJS.Timeout {
  const { config, counts, heartbeatTimeoutMs: peersMaxAgeMs } = options;
  const keepers = new WeakMap<Timeline, TimelineKeeper>();
  return setInterval(() => {
    for (const timeline of timelines.all) {
      const { remote, log } = timeline;
      const keeper =
        keepers.get(timeline) ?? new TimelineKeeper({ timeline, remote, config, counts, peersMaxAgeMs, log });
      keepers.set(timeline, keeper);
      void keeper.tick();
    }
  }, KEEPER_INTERVAL_MS);
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
    max_offloader_lag_bytes: config.backup.maxOffloaderLag,
    wal_backup_enabled: config.backup.walBackup,
  };
}

async function serve(config: SafekeeperConfig, nodeId: number, context: DaemonContext): Promise<RunningDaemon> {
  const { workdir, sync, heartbeatTimeoutMs, availabilityZone } = config;
  const { log, shutdown } = context;
  const metrics = new SafekeeperMetrics(availabilityZone);
  const onOpened = new Set<(timeline: (typeof timelines.all)[number]) => void>();
  const remote =
    config.remoteStorage === undefined
      ? undefined
      : openRemoteStorage(config.remoteStorage, {
          ...{ where: "--remote-storage", workdir: process.cwd() },
          ...{ sync, log, shutdown },
        });
  const timelines: TimelineMap = new TimelineMap({
    remote,
    walBackup: config.backup.walBackup,
    counts: metrics.backup,
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
    peerToken: process.env["SAFEKEEPER_AUTH_TOKEN"],
    configDump: configDump(config, nodeId),
  });
  await http.listen(config.listenHttp.host, config.listenHttp.port);
  const pgAddress = format({ host: config.listenPg.host, port: pg.port });
  const httpAddress = format({ host: config.listenHttp.host, port: http.port });
  const endpoint = config.brokerEndpoint;
  const broker = new BrokerLink({ endpoint, log, timelines, metrics, pgAddress, httpAddress, availabilityZone });
  for (const timeline of timelines.all) broker.watch(timeline);
  onOpened.add((timeline) => broker.watch(timeline));
  const keepers = keepTimelines(timelines, { config: config.backup, counts: metrics.backup, heartbeatTimeoutMs, log });
  const recovery = config.peerRecovery
    ? new PeerRecovery({
        ...{ timelines: () => timelines.all, peersMaxAgeMs: heartbeatTimeoutMs, log },
        token: process.env["SAFEKEEPER_AUTH_TOKEN"],
      })
    : undefined;
  const saving = storeProgressEvery(config.controlFileSaveIntervalMs, timelines, log);
  log.info(`safekeeper ${nodeId} is listening: pg ${pgAddress}, http ${httpAddress}`);
  return {
    stop: async () => {
      clearInterval(saving);
      clearInterval(keepers);
      recovery?.close();
      broker.close();
      await Promise.all([pg.close(), tenantOnly?.close(), http.close()]);
      await timelines.close();
    },
  };
}

/** The safekeeper daemon (neon-protocols §2.2): argv → running, or done at once for --init and --dump-control-file. */
export async function startSafekeeper(context: DaemonContext): Promise<RunningDaemon> {
  const config = parseConfig(context.argv);
  const done: RunningDaemon = { stopped: Promise.resolve(), stop: () => Promise.resolve() };
  if (config.dumpControlFile !== undefined) {
    await dumpControlFile(config.dumpControlFile);
    return done;
  }
  const nodeId = await claimNodeId(config.workdir, config.id);
  if (config.initOnly) return done;
  await claimPidFile(resolve(config.workdir, "safekeeper.pid"));
  return serve(config, nodeId, context);
}
