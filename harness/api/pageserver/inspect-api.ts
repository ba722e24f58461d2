import type { Readable } from "node:stream";
import { Lsn } from "../../types";
import type { TenantId, TimelineId } from "../../types";
import { timelinePath } from "../ids";
import type { AnyTenantId } from "../ids";
import type { CallOptions } from "../http/client";
import { PageserverLayerApi } from "./layer-api";

const IMPORT_MS = 600_000;

/** Keys, auxiliary files, counters, and imports of whole databases. */
export abstract class PageserverInspectApi extends PageserverLayerApi {
  /** Which keys the timeline has at an LSN, its last where none is given; the shape is Neon's own and not settled. */
  keyspace(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { atLsn?: Lsn } = {},
    call: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const query = { at_lsn: options.atLsn === undefined ? undefined : Lsn.format(options.atLsn) };
    return this.http.json(`${timelinePath(id, timelineId)}/keyspace`, { ...call, query });
  }

  async ingestAuxFiles(
    id: AnyTenantId,
    timelineId: TimelineId,
    files: Readonly<Record<string, string>>,
    call: CallOptions = {},
  ): Promise<void> {
    this.need("testing", "ingest auxiliary files");
    const path = `${timelinePath(id, timelineId)}/ingest_aux_files`;
    await this.http.send(path, { ...call, method: "POST", body: { aux_files: files } });
  }

  /** Path to content, the content as a list of bytes. */
  listAuxFiles(
    id: AnyTenantId,
    timelineId: TimelineId,
    lsn: Lsn,
    call: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    this.need("testing", "list auxiliary files");
    const path = `${timelinePath(id, timelineId)}/list_aux_files`;
    return this.http.json(path, { ...call, method: "POST", body: { lsn: Lsn.format(lsn) } });
  }

  /** By range of keys, how many deltas lie above its image; the shape is Neon's own and not settled. */
  perfInfo(id: AnyTenantId, timelineId: TimelineId, call: CallOptions = {}): Promise<Record<string, unknown>[]> {
    this.need("testing", "ask how deep a timeline's layers lie");
    return this.http.json(`${timelinePath(id, timelineId)}/perf_info`, { ...call, method: "POST" });
  }

  /** Records the page requests of the next seconds, in Neon's binary format. */
  async pageTrace(
    id: AnyTenantId,
    timelineId: TimelineId,
    options: { sizeLimitBytes?: number; timeLimitSecs?: number } = {},
    call: CallOptions = {},
  ): Promise<Buffer> {
    const query = { size_limit_bytes: options.sizeLimitBytes, time_limit_secs: options.timeLimitSecs };
    const timeoutMs = 30_000 + (options.timeLimitSecs ?? 5) * 1000;
    return (await this.http.send(`${timelinePath(id, timelineId)}/page_trace`, { timeoutMs, ...call, query })).body;
  }

  /** Creates a timeline from a tar archive of a base backup that `pg_basebackup` made. */
  async importBasebackup(
    id: TenantId,
    timelineId: TimelineId,
    backup: { tar: Buffer | Readable; baseLsn: Lsn; endLsn: Lsn; pgVersion: number },
    call: CallOptions = {},
  ): Promise<void> {
    const query = {
      base_lsn: Lsn.format(backup.baseLsn),
      end_lsn: Lsn.format(backup.endLsn),
      pg_version: backup.pgVersion,
    };
    const path = `${timelinePath(id, timelineId)}/import_basebackup`;
    await this.http.send(path, { timeoutMs: IMPORT_MS, ...call, method: "PUT", query, payload: backup.tar });
  }

  async importWal(
    id: TenantId,
    timelineId: TimelineId,
    wal: { tar: Buffer | Readable; startLsn: Lsn; endLsn: Lsn },
    call: CallOptions = {},
  ): Promise<void> {
    const query = { start_lsn: Lsn.format(wal.startLsn), end_lsn: Lsn.format(wal.endLsn) };
    const path = `${timelinePath(id, timelineId)}/import_wal`;
    await this.http.send(path, { timeoutMs: IMPORT_MS, ...call, method: "PUT", query, payload: wal.tar });
  }
}
