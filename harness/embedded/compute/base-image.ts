import { Lsn } from "../../types";
import { ConnectionError, PgError } from "../../wire";
import { unpackBase } from "../pg/base-tar";
import { errorText, hasErrorCode, type Logger } from "../service";
import type { StartupMetrics } from "./compute-state";
import { emptyDataDirectory } from "./data-directory";
import { connectToPageserver } from "./pageserver-connection";
import { Backoff } from "./backoff";
import type { ComputeSpec } from "./spec";

const ATTEMPTS = 10;

export type UnpackedBase = Awaited<ReturnType<typeof unpackBase>>;

/** Fetches the database as of `lsn` (undefined: the newest) from the pageserver into `dataDir`, which is emptied first. */
export async function fetchBaseImage(
  spec: ComputeSpec,
  options: { dataDir: string; lsn: Lsn | undefined; log: Logger; signal: AbortSignal; metrics: StartupMetrics },
): Promise<UnpackedBase> {
  const { dataDir, lsn, log, signal, metrics } = options;
  const backoff = new Backoff(100, 5_000);
  const attempts = Number(process.env["NEON_COMPUTE_TESTING_BASEBACKUP_RETRIES"] ?? ATTEMPTS);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await emptyDataDirectory(dataDir);
      return await download(spec, dataDir, lsn, signal, metrics);
    } catch (error) {
      if (signal.aborted) throw error;
      if (hasErrorCode(error, "ENOSPC")) throw noRoom(dataDir);
      if (attempt >= attempts || !isWorthRepeating(error)) throw unusable(spec, error);
      log.warn(`Failed to get basebackup: ${errorText(error)} (attempt ${attempt}/${attempts})`);
    }
    await backoff.wait(signal);
  }
}

function noRoom(dataDir: string): Error {
  return new Error(`no space left for the database in ${dataDir}: make room, or put the data directory elsewhere`);
}

function unusable(spec: ComputeSpec, error: unknown): Error {
  const { host, port } = spec.pageservers[0];
  return new Error(`failed to get the base image from pageserver ${host}:${port}: ${errorText(error)}`);
}

/** A pageserver that just starts may not know the timeline yet, so its refusals count as temporary too. */
function isWorthRepeating(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof PgError;
}

async function download(
  spec: ComputeSpec,
  dataDir: string,
  lsn: Lsn | undefined,
  signal: AbortSignal,
  metrics: StartupMetrics,
): Promise<UnpackedBase> {
  const started = performance.now();
  const connection = await connectToPageserver(spec, signal);
  metrics.set("pageserver_connect_micros", (performance.now() - started) * 1000);
  try {
    const position = lsn === undefined ? "latest" : Lsn.format(lsn);
    const tar = connection.copyOut(`stockbackup ${spec.tenantId} ${spec.timelineId} ${position}`);
    return await unpackBase(counted(tar, metrics), dataDir);
  } finally {
    connection.destroy();
  }
}

async function* counted(tar: AsyncIterable<Buffer>, metrics: StartupMetrics): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of tar) {
    bytes += piece.length;
    yield piece;
  }
  metrics.set("basebackup_bytes", bytes);
}
