import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, type PgVersion } from "../../types";
import type { PgConnection } from "../../wire";
import { AUX_DIRECTORY } from "../pg/aux-files";
import type { Logger } from "../service";
import { fetchBaseImage } from "./base-image";
import type { CommandLine } from "./command-line";
import type { StartupMetrics } from "./compute-state";
import { writeConfiguration } from "./data-directory";
import { watchFastStop } from "./fast-stop-watch";
import { PG_HBA_CONF, postgresqlConf } from "./postgres-conf";
import { PostgresProcess, postgresVersionNumber } from "./postgres-process";
import { fetchOlderSegments } from "./slots/fetch-older-wal";
import { type LeftSlots, markOwner } from "./slots/left-slots";
import { recordSlots } from "./slots/record-slots";
import { restoreSlots } from "./slots/restore-slots";
import type { ComputeSpec } from "./spec";
import { Walproposer } from "./walproposer/walproposer";

/** What a start has brought up so far; whoever gives the start up ends these. */
export interface RunningParts {
  postgres?: PostgresProcess;
  walproposer?: Walproposer;
}

export interface Startup {
  spec: ComputeSpec;
  commandLine: CommandLine;
  dataDir: string;
  metrics: StartupMetrics;
  log: Logger;
  signal: AbortSignal;
  writeLine: (line: string) => void;
  onPanic: (error: Error) => void;
  parts: RunningParts;
  connect: (database: string) => Promise<PgConnection>;
  /** Aborted when Postgres is told to stop, or has ended. */
  ended: AbortSignal;
  /** What the last compute in this data directory has left of its replication slots. */
  leftSlots: LeftSlots | undefined;
}

/** A primary: wins an election, gets the database as of the end of the safekeepers' WAL, and goes on from there. */
export async function startPrimary(startup: Startup): Promise<void> {
  const { spec, commandLine, dataDir, metrics, log, signal, parts } = startup;
  const { tenantId, timelineId, safekeepers, storageAuthToken } = spec;
  const pgVersion = await postgresVersionNumber(commandLine.pgbin);
  const timeline = { tenantId, timelineId, pgVersion, password: storageAuthToken };
  const walproposer = new Walproposer({
    ...{ safekeepers, timeline, log, onPanic: startup.onPanic },
    onElected: (terms) => markOwner(dataDir, timelineId, terms),
  });
  parts.walproposer = walproposer;
  const lsn = await metrics.time("sync_safekeepers_ms", () => walproposer.elect(signal));
  log.info(`starting ${tenantId}/${timelineId} at ${lsn === undefined ? "the newest LSN" : Lsn.format(lsn)}`);
  const base = await metrics.time("basebackup_ms", () => fetchBaseImage(spec, { dataDir, lsn, log, signal, metrics }));
  requireVersion(base.pgVersion, pgVersion, commandLine.pgbin);
  await walproposer.begin(base);
  markOwner(dataDir, timelineId, walproposer.terms);
  const slots = restoreSlots({
    ...{ dataDir, timelineId, log, lsn: base.lsn, left: startup.leftSlots },
    lastTerm: walproposer.lastTerm,
  });
  if (slots.restartLsn !== undefined) {
    await fetchOlderSegments({ dataDir, base, from: slots.restartLsn, spec, log, signal });
  }
  const postgres = await startPostgres(startup);
  await postgres.whileRunning(walproposer.stream(commandLine.postgres));
  const { recorded } = slots;
  void recordSlots({ dataDir, timelineId, recorded, connect: startup.connect, log, signal: startup.ended });
}

function requireVersion(wanted: PgVersion, found: number, pgbin: string): void {
  if (Math.floor(found / 10_000) === wanted) return;
  throw new Error(`the timeline is of Postgres ${wanted}, but ${pgbin} (--pgbin) is version ${found / 10_000}`);
}

/** A hot standby: gets the newest database that the pageserver has, and the WAL from there on from the safekeepers. */
export async function startReplica(startup: Startup): Promise<void> {
  const { spec, dataDir, metrics, log, signal } = startup;
  const get = () => fetchBaseImage(spec, { dataDir, lsn: undefined, log, signal, metrics });
  const { lsn } = await metrics.time("basebackup_ms", get);
  log.info(`starting ${spec.tenantId}/${spec.timelineId} as a standby at ${Lsn.format(lsn)}`);
  await startStandby(startup, lsn);
}

/** A read-only compute: a standby that has WAL up to the LSN and will never get more. */
export async function startStatic(startup: Startup, lsn: Lsn): Promise<void> {
  const { spec, dataDir, metrics, log, signal } = startup;
  log.info(`starting ${spec.tenantId}/${spec.timelineId} read-only at ${Lsn.format(lsn)}`);
  const get = () => fetchBaseImage(spec, { dataDir, lsn, log, signal, metrics });
  const base = await metrics.time("basebackup_ms", get);
  await startStandby(startup, base.lsn);
}

/** A standby shows whatever it could replay, so it is asked how far that was: it must be all that came with the base. */
async function startStandby(startup: Startup, lsn: Lsn): Promise<void> {
  const { dataDir, connect } = startup;
  // Slots are a primary's: here they would hold back WAL that nobody decodes.
  await rm(join(dataDir, AUX_DIRECTORY), { recursive: true, force: true });
  await writeFile(join(dataDir, "standby.signal"), "");
  await startPostgres(startup);
  const connection = await connect("postgres");
  try {
    const { rows } = await connection.query("SELECT pg_last_wal_replay_lsn()");
    const replayed = Lsn.parse(rows[0]?.[0] ?? "0/0");
    if (replayed >= lsn) return;
    throw new Error(`Postgres has replayed its WAL up to ${Lsn.format(replayed)} only, it reaches ${Lsn.format(lsn)}`);
  } finally {
    connection.destroy();
  }
}

/** Starts Postgres on the data directory; resolves when it takes connections. */
async function startPostgres(startup: Startup): Promise<PostgresProcess> {
  const { spec, commandLine, dataDir, metrics, log, signal, writeLine, parts } = startup;
  await writeConfiguration(dataDir, postgresqlConf(spec, commandLine.httpPort), PG_HBA_CONF);
  signal.throwIfAborted();
  const postgres = PostgresProcess.start({ program: commandLine.pgbin, dataDir, writeLine });
  parts.postgres = postgres;
  void watchFastStop(postgres, () => parts.walproposer?.commitLsn ?? Lsn.INVALID, log);
  await metrics.time("start_postgres_ms", () => postgres.ready(signal));
  log.info(`Postgres was started postmaster_pid=${postgres.pid}`);
  return postgres;
}
