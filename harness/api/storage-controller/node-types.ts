export type NodeAvailability = "Active" | "WarmingUp" | "Offline";

export type NodeSchedulingPolicy = "Active" | "Filling" | "Pause" | "PauseForRestart" | "Draining";

interface NodeAddresses {
  availability_zone_id: string;
  listen_http_addr: string;
  listen_http_port: number;
  listen_pg_addr: string;
  listen_pg_port: number;
}

/** A pageserver as the storage controller sees it. */
export interface ControllerNode extends NodeAddresses {
  id: number;
  availability: NodeAvailability;
  scheduling: NodeSchedulingPolicy;
}

export interface NodeRegistration extends NodeAddresses {
  node_id: number;
}

export interface NodeShards {
  node_id: number;
  shards: {
    tenant_shard_id: string;
    is_observed_secondary: boolean | null;
    is_intended_secondary: boolean | null;
  }[];
}

/** The spelling of `Decomissioned` is Neon's own. */
export type SafekeeperSchedulingPolicy = "Active" | "Pause" | "Decomissioned";

export interface ControllerSafekeeper {
  id: number;
  region_id: string;
  version: number;
  host: string;
  port: number;
  http_port: number;
  availability_zone_id: string;
  scheduling_policy: SafekeeperSchedulingPolicy;
}

export type SafekeeperRegistration = Omit<ControllerSafekeeper, "scheduling_policy">;
