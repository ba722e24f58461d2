import type { TenantId, TimelineId } from "../../../types";
import type { HostPort } from "../../service";

/** Whose WAL is proposed, and what every connection to a safekeeper says about it. */
export interface ProposedTimeline {
  tenantId: TenantId;
  timelineId: TimelineId;
  /** As in server_version_num: 170010. */
  pgVersion: number;
  /** A JWT for the safekeepers, when they ask for one. */
  password?: string | undefined;
}

/** What a greeting says beside the timeline. While nobody knows the system id it is 0. */
export interface WalIdentity {
  systemId: bigint;
  walSegSize: number;
}

/** Connection parameters of a safekeeper (neon-protocols §5). */
export function safekeeperConnection(timeline: ProposedTimeline, address: HostPort, applicationName: string) {
  return {
    ...address,
    user: "cloud_admin",
    database: "replication",
    ...(timeline.password === undefined ? {} : { password: timeline.password }),
    parameters: {
      options: `-c timeline_id=${timeline.timelineId} tenant_id=${timeline.tenantId}`,
      application_name: applicationName,
    },
  };
}

export function addressText(address: HostPort): string {
  return `${address.host}:${address.port}`;
}
