import type { VersionCombination } from "../engine";
import type { StorageControllerConfig } from "../nodes";
import { remoteStorageOfRun } from "../storage";
import type { RemoteStorageKind } from "../storage";
import { TenantId, TimelineId } from "../types";
import type { PgVersion } from "../types";
import { settingsFromEnvironment } from "./settings-from-environment";

type Json = Record<string, unknown>;

/** Merged into pageserver.toml table by table, or a function that edits it, called for each pageserver. */
export type ConfigOverride = Json | ((config: Json, pageserver: { id: number }) => void);

/** Everything a test can say about its environment before anything runs. */
export interface NeonEnvSettings {
  /** Default: the version that the run is for. */
  pgVersion: PgVersion;
  /** Which nodes are of the build under test, and which of the earlier release; default: all of the build under test. */
  versionCombination: VersionCombination | undefined;
  numSafekeepers: number;
  numPageservers: number;
  /** Availability zones us-east-2a, us-east-2b, …, to which the pageservers go in turn. */
  numAzs: number;
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
  /** `std-fs` or `tokio-epoll-uring`; default: PAGESERVER_VIRTUAL_FILE_IO_ENGINE, or else the pageserver's own. */
  pageserverVirtualFileIoEngine: string | undefined;
  /** `buffered` or `direct`; default: PAGESERVER_VIRTUAL_FILE_IO_MODE, or else the pageserver's own. */
  pageserverVirtualFileIoMode: string | undefined;
  /** Default: PAGESERVER_DEFAULT_TENANT_CONFIG_COMPACTION_ALGORITHM, or else the pageserver's own. */
  pageserverDefaultTenantConfigCompactionAlgorithm: Json | undefined;
  /** How pageservers get WAL from safekeepers: as it is, or decoded and cut to what the shard needs. */
  pageserverWalReceiverProtocol: "vanilla" | "interpreted";
  /** Default: that of the run (NEON_TEST_REMOTE_STORAGE), or else a folder. */
  pageserverRemoteStorage: RemoteStorageKind;
  /** Where safekeepers offload WAL to; undefined: they keep it. */
  safekeepersRemoteStorage: RemoteStorageKind | undefined;
  /** Whether nodes reach S3 through `env.remoteStorageProxy`, so that a test can spoil the network. */
  remoteStorageProxy: boolean;
  /** Whether, at the end, every index in S3 is held against the objects that are there. */
  scrubOnExit: boolean;
  storageControllerConfig: StorageControllerConfig;
  /** Whether everyone reaches the controller through `env.storageControllerProxy`, so that a second one can take over. */
  storageControllerProxy: boolean;
  /** Who is told where a tenant's shards are; default: the harness, which reconfigures the tenant's running computes. */
  controlPlaneComputeHookApi: string | undefined;
  /** RUST_LOG of the nodes, instead of the run's. */
  rustLogOverride: string | undefined;
  /** The branch name of every tenant's first timeline. */
  defaultBranchName: string;
  /** Tenant config of the initial tenant. */
  initialTenantConfig: Json;
  initialTenant: TenantId;
  initialTimeline: TimelineId;
  /** 0 is an unsharded tenant. */
  initialTenantShardCount: number;
  /** In pages; undefined is Neon's own. */
  initialTenantShardStripeSize: number | undefined;
  /** Whether new tenants and timelines may be copies of what an earlier run's initdb made, for engines that can; faster. */
  timelinesFromTemplate: boolean;
  /** Keeps the whole directory also when the test passes. */
  preserveDatabaseFiles: boolean;
  /** Whether the initial tenant is made on `initStart()`. */
  createInitialTenant: boolean;
}

/** What the original's harness passes to every safekeeper. */
const DEFAULT_SAFEKEEPER_OPTIONS = [
  ...["--enable-offload", "--delete-offloaded-wal", "--partial-backup-timeout", "10s"],
  ...["--control-file-save-interval", "1s", "--eviction-min-resident", "10s"],
] as const;

/** What holds where a test says nothing else; the original's defaults (original-test-runner §1.3). */
export function defaultSettings(pgVersion: PgVersion): NeonEnvSettings {
  return {
    pgVersion,
    versionCombination: undefined,
    numSafekeepers: 1,
    numPageservers: 1,
    numAzs: 1,
    safekeepersIdStart: 0,
    safekeepersEnableFsync: false,
    safekeeperExtraOptions: DEFAULT_SAFEKEEPER_OPTIONS,
    authEnabled: false,
    pageserverConfigOverride: undefined,
    ...settingsFromEnvironment(process.env),
    pageserverWalReceiverProtocol: "interpreted",
    pageserverRemoteStorage: remoteStorageOfRun(),
    safekeepersRemoteStorage: undefined,
    remoteStorageProxy: false,
    scrubOnExit: true,
    storageControllerConfig: {},
    storageControllerProxy: false,
    controlPlaneComputeHookApi: undefined,
    rustLogOverride: undefined,
    defaultBranchName: "main",
    initialTenantConfig: {},
    initialTenant: TenantId.generate(),
    initialTimeline: TimelineId.generate(),
    initialTenantShardCount: 0,
    initialTenantShardStripeSize: undefined,
    timelinesFromTemplate: true,
    preserveDatabaseFiles: false,
    createInitialTenant: true,
  };
}
