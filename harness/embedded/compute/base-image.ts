import { Lsn } from "../../types";
import { ConnectionError, PgError } from "../../wire";
import { unpackBase } from "../pg/base-tar";
import { errorText, type Logger } from "../service";
import type { StartupMetrics } from "./compute-state";
import { emptyDataDirectory } from "./data-directory";
import { connectToPageserver } from "./pageserver-connection";
import { Backoff } from "./pause";
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
  for (let attempt = 1; ; attempt += 1) {
    try {
      await emptyDataDirectory(dataDir);
      return await download(spec, dataDir, lsn, signal, metrics);
    } catch (error) {
      if (attempt === ATTEMPTS || signal.aborted || !isWorthRepeating(error)) throw error;
      log.warn(`could not get the base image, attempt ${attempt}/${ATTEMPTS}: ${errorText(error)}`);
    }
    await backoff.wait(signal);
  }
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
