import { Lsn } from "../../types";
import type { WalSenderFeedback } from "./feedback";
import type { PeerInfo } from "./peers";
import type { Timeline } from "./timeline";
import type { WalSender } from "./wal-sender";

const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;

/** Microseconds since 2000 as RFC 3339 with microseconds. */
export function formatPgTime(time: bigint): string {
  const micros = time + POSTGRES_EPOCH_MICROS;
  const text = new Date(Number(micros / 1000n)).toISOString().slice(0, -1);
  return `${text}${String(micros % 1000n).padStart(3, "0")}+00:00`;
}

function peerBody(peer: PeerInfo) {
  return {
    sk_id: peer.safekeeperId,
    term: peer.term,
    last_log_term: peer.lastLogTerm,
    flush_lsn: Lsn.format(peer.flushLsn),
    commit_lsn: Lsn.format(peer.commitLsn),
    local_start_lsn: Lsn.format(peer.localStartLsn),
    pg_connstr: peer.safekeeperConnstr,
    http_connstr: peer.httpConnstr,
  };
}

function feedbackBody(feedback: WalSenderFeedback) {
  if (feedback.kind === "pageserver") {
    const pageserver = feedback.feedback;
    return {
      Pageserver: {
        current_timeline_size: pageserver.currentTimelineSize,
        last_received_lsn: Lsn.format(pageserver.lastReceivedLsn),
        disk_consistent_lsn: Lsn.format(pageserver.diskConsistentLsn),
        remote_consistent_lsn: Lsn.format(pageserver.remoteConsistentLsn),
        replytime: formatPgTime(pageserver.replyTime),
        shard_number: pageserver.shardNumber,
      },
    };
  }
  const { reply, hotStandby } = feedback;
  return {
    Standby: {
      reply: {
        write_lsn: Lsn.format(reply.writeLsn),
        flush_lsn: Lsn.format(reply.flushLsn),
        apply_lsn: Lsn.format(reply.applyLsn),
        reply_ts: reply.time,
        reply_requested: reply.replyRequested,
      },
      hs_feedback: { ts: hotStandby.ts, xmin: hotStandby.xmin, catalog_xmin: hotStandby.catalogXmin },
    },
  };
}

function walSenderBody(timeline: Timeline, sender: WalSender) {
  const { address, connId, appname } = sender.options;
  return {
    Vanilla: {
      ttid: { tenant_id: timeline.id.tenantId, timeline_id: timeline.id.timelineId },
      addr: address,
      conn_id: connId,
      appname,
      feedback: feedbackBody(sender.feedback),
    },
  };
}

/** Body of GET …/tenant/:t/timeline/:tl (golden/run/93_status.json). */
export function timelineStatus(timeline: Timeline, heartbeatTimeoutMs: number) {
  const { state, progress } = timeline;
  return {
    tenant_id: state.tenantId,
    timeline_id: state.timelineId,
    mconf: state.mconf,
    acceptor_state: {
      term: state.term,
      epoch: timeline.lastLogTerm,
      term_history: state.termHistory.map(({ term, lsn }) => ({ term, lsn: Lsn.format(lsn) })),
    },
    pg_info: {
      pg_version: state.server.pgVersion,
      system_id: state.server.systemId,
      wal_seg_size: state.server.walSegSize,
    },
    flush_lsn: Lsn.format(timeline.flushLsn),
    timeline_start_lsn: Lsn.format(state.timelineStartLsn),
    local_start_lsn: Lsn.format(state.localStartLsn),
    commit_lsn: Lsn.format(timeline.commitLsn),
    backup_lsn: Lsn.format(progress.backupLsn),
    peer_horizon_lsn: Lsn.format(progress.peerHorizonLsn),
    remote_consistent_lsn: Lsn.format(progress.remoteConsistentLsn),
    peers: timeline.peers.recent(heartbeatTimeoutMs).map(peerBody),
    walsenders: [...timeline.senders].map((sender) => walSenderBody(timeline, sender)),
    walreceivers: [...timeline.receivers].map(({ connId, status }) => ({ conn_id: connId, status })),
  };
}

/** Number of the last segment that is gone from this disk; 0 for none. */
function lastRemovedSegment(timeline: Timeline): number {
  const { walSegSize } = timeline.state.server;
  return walSegSize === 0 ? 0 : Math.max(0, Number(timeline.removedBefore / BigInt(walSegSize)) - 1);
}

/** One timeline of GET debug_dump: what it has in memory and on disk (golden/run/92_debug_dump.json). */
export function memoryDump(timeline: Timeline, peersMaxAgeMs: number) {
  const { progress } = timeline;
  return {
    is_cancelled: timeline.cancelled.aborted,
    peers_info_len: timeline.peers.recent(peersMaxAgeMs).length,
    walsenders: [...timeline.senders].map((sender) => walSenderBody(timeline, sender)),
    wal_backup_active: timeline.isBackingUp,
    active: timeline.isActive,
    num_computes: timeline.receivers.size,
    last_removed_segno: lastRemovedSegment(timeline),
    epoch_start_lsn: Lsn.format(timeline.state.termHistory.at(-1)?.lsn ?? Lsn.INVALID),
    mem_state: {
      commit_lsn: Lsn.format(progress.commitLsn),
      backup_lsn: Lsn.format(progress.backupLsn),
      peer_horizon_lsn: Lsn.format(progress.peerHorizonLsn),
      remote_consistent_lsn: Lsn.format(progress.remoteConsistentLsn),
      proposer_uuid: progress.proposerUuid,
    },
    mgr_status: "Wait",
    write_lsn: Lsn.format(timeline.writeLsn),
    write_record_lsn: Lsn.format(timeline.flushLsn),
    flush_lsn: Lsn.format(timeline.flushLsn),
    file_open: timeline.receivers.size > 0,
  };
}
