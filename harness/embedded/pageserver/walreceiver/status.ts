import type { Lsn } from "../../../types";

/** What TimelineInfo tells about the WAL receiver of a timeline. */
export interface WalReceiverStatus {
  /** `postgresql://host:port` of the safekeeper that streams to us. */
  readonly connstr: string | null;
  readonly lastReceivedLsn: Lsn | undefined;
  /** Microseconds since 1970. */
  readonly lastReceivedMicros: number | undefined;
  readonly text: string;
}

/** One safekeeper as the broker's last news of it say. */
export interface Candidate {
  readonly nodeId: bigint;
  readonly connstr: string;
  readonly commitLsn: Lsn;
  readonly updatedAt: number;
}
