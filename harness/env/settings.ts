import type { StorageControllerConfig } from "../nodes";
import type { PgVersion, TenantId, TimelineId } from "../types";

type Json = Record<string, unknown>;

/** Merged into pageserver.toml table by table, or a function that edits it. */
export type ConfigOverride = Json | ((config: Json) => void);

/** Everything a test can say about its environment before anything runs. */
export interface NeonEnvSettings {
  /** Default: the version that the run is for. */
  pgVersion: PgVersion;
  numSafekeepers: number;
  numPageservers: number;
  /** Added to the ids of the safekeepers, which count from 1. */
  safekeepersIdStart: number;
  /** Whether safekeepers fsync. The tests of this harness kill processes, not machines, so: off. */
  safekeepersEnableFsync: boolean;
  safekeeperExtraOptions: readonly string[];
  /**
   * Whether nodes ask for tokens: pageservers and safekeepers on all their ports, the storage controller on its one.
   * `pageserverConfigOverride` and `safekeeperExtraOptions` can take it back for one protocol.
   */
  authEnabled: boolean;
  pageserverConfigOverride: ConfigOverride | undefined;
  storageControllerConfig: StorageControllerConfig;
  /** Tenant config of the initial tenant. */
  initialTenantConfig: Json;
  initialTenant: TenantId;
  initialTimeline: TimelineId;
  /** Whether new timelines may start from what an earlier run's initdb made, for engines that can; faster. */
  initdbFromArchive: boolean;
  /** Keeps the whole directory also when the test passes. */
  preserveDatabaseFiles: boolean;
  /** Whether the initial tenant is made on `initStart()`. */
  createInitialTenant: boolean;
}

/** What the original's harness passes to every safekeeper. */
export const DEFAULT_SAFEKEEPER_OPTIONS = [
  "--enable-offload",
  "--delete-offloaded-wal",
  "--partial-backup-timeout",
  "10s",
  "--control-file-save-interval",
  "1s",
  "--eviction-min-resident",
  "10s",
] as const;

/** Tables are merged, everything else is replaced. */
export function applyOverride(config: Json, override: ConfigOverride | undefined): Json {
  if (override === undefined) return config;
  if (typeof override === "function") {
    override(config);
    return config;
  }
  return mergeTables(config, override);
}

function mergeTables(base: Json, over: Json): Json {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    merged[key] = isTable(old) && isTable(value) ? mergeTables(old, value) : value;
  }
  return merged;
}

function isTable(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
