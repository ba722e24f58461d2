import type { Lsn, TenantId, TimelineId } from "../../types";
import type { HostPort } from "../service";

export interface SpecOption {
  name: string;
  value?: string | null;
  /** `string` where the value has to be quoted. */
  vartype?: string;
}

export interface SpecRole {
  name: string;
  /** 32 hex digits (md5, without its prefix) or a SCRAM verifier. */
  encrypted_password?: string | null;
  options?: SpecOption[] | null;
}

export interface SpecDatabase {
  name: string;
  owner: string;
  options?: SpecOption[] | null;
}

export interface DeltaOperation {
  action: string;
  name: string;
  new_name?: string | null;
}

export type ComputeMode = { kind: "Primary" } | { kind: "Replica" } | { kind: "Static"; lsn: Lsn };

/** What compute_ctl uses of the specification (neon-protocols §3.4). */
export interface ComputeSpec {
  tenantId: TenantId;
  timelineId: TimelineId;
  mode: ComputeMode;
  pageserverConnstring: string;
  /** One per shard. Each shard holds all WAL, so the first can give the base image. */
  pageservers: readonly [HostPort, ...HostPort[]];
  safekeepers: HostPort[];
  storageAuthToken: string | undefined;
  stripeSize: number;
  postgresqlConf: string;
  /** Settings beside postgresql_conf, which come after it. */
  settings: SpecOption[];
  roles: SpecRole[];
  databases: SpecDatabase[];
  deltaOperations: DeltaOperation[];
  /** Roles that log in with a token of their own, and so are nobody's members. */
  jwksRoles: ReadonlySet<string>;
  skipPgCatalogUpdates: boolean;
  operation: string;
}
