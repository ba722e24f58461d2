import { Lsn } from "../../../types";
import type { WalReceiverStatus } from "../walreceiver/status";
import type { Timeline } from "./timeline";

/** The answer of GET timeline, keys in Neon's order (neon-protocols §3.1). */
export function timelineInfo(timeline: Timeline, receiver: WalReceiverStatus | undefined): Record<string, unknown> {
  const remoteConsistentLsn = Lsn.format(timeline.remoteClient.remoteConsistentLsn);
  return {
    tenant_id: timeline.shardId.tenantId,
    timeline_id: timeline.timelineId,
    ancestor_timeline_id: timeline.ancestor?.timeline.timelineId ?? null,
    ancestor_lsn: timeline.ancestor === undefined ? null : Lsn.format(timeline.ancestor.lsn),
    last_record_lsn: Lsn.format(timeline.lastRecordLsn),
    prev_record_lsn: Lsn.format(timeline.prevRecordLsn),
    latest_gc_cutoff_lsn: Lsn.format(timeline.latestGcCutoffLsn),
    disk_consistent_lsn: Lsn.format(timeline.diskConsistentLsn),
    remote_consistent_lsn: remoteConsistentLsn,
    remote_consistent_lsn_visible: Lsn.format(timeline.remoteClient.visibleRemoteConsistentLsn),
    initdb_lsn: Lsn.format(timeline.initdbLsn),
    current_logical_size: timeline.logicalSize.value,
    current_logical_size_is_accurate: timeline.logicalSize.accurate,
    directory_entries_counts: [0, 0, 0, 0, 0, 0, 0],
    current_physical_size: timeline.layers.sizes().resident,
    current_logical_size_non_incremental: null,
    pitr_history_size: pitrHistorySize(timeline),
    within_ancestor_pitr: false,
    timeline_dir_layer_file_size_sum: null,
    wal_source_connstr: receiver?.connstr ?? null,
    last_received_msg_lsn: receiver?.lastReceivedLsn === undefined ? null : Lsn.format(receiver.lastReceivedLsn),
    last_received_msg_ts: receiver?.lastReceivedMicros ?? null,
    pg_version: timeline.pgVersion,
    state: timeline.state,
    walreceiver_status: receiver?.text ?? "Not active",
    is_archived: timeline.archivedAt !== undefined,
  };
}

/** Bytes of WAL since the timeline's start: all of it is history that could be read. */
function pitrHistorySize(timeline: Timeline): number {
  const start = timeline.ancestor?.lsn ?? timeline.initdbLsn;
  return Number(timeline.lastRecordLsn - start);
}
