import { parse } from "smol-toml";
import type { BackupConfig } from "./backup/backup-config";
import { errorText, type HostPort, parseArguments, parseHostPort, UsageError } from "../service";

export interface SafekeeperConfig {
  workdir: string;
  id: number | undefined;
  listenPg: HostPort;
  listenPgTenantOnly: HostPort | undefined;
  listenHttp: HostPort;
  availabilityZone: string | undefined;
  brokerEndpoint: string;
  sync: boolean;
  controlFileSaveIntervalMs: number;
  heartbeatTimeoutMs: number;
  /** Whether WAL that no compute brings is fetched from peers. */
  peerRecovery: boolean;
  /** Files of public keys; where there is none, everybody may do everything at that port. */
  pgAuthKeyPath: string | undefined;
  pgTenantOnlyAuthKeyPath: string | undefined;
  httpAuthKeyPath: string | undefined;
  /** The table that --remote-storage holds. */
  remoteStorage: unknown;
  backup: BackupConfig;
  /** Create directory and id, and exit. */
  initOnly: boolean;
  /** Print this control file and exit. */
  dumpControlFile: string | undefined;
}

const text = { kind: "string" } as const;
const flag = { kind: "boolean" } as const;

/** Every flag of Neon's safekeeper. Those of parts that this engine does not have yet are taken and change nothing. */
const FLAGS = {
  datadir: { ...text, short: "D", default: "./" },
  id: { kind: "number" },
  init: flag,
  dev: flag,
  "dump-control-file": text,
  "listen-pg": { ...text, short: "l", default: "127.0.0.1:5454" },
  "listen-pg-tenant-only": text,
  "listen-http": { ...text, default: "127.0.0.1:7676" },
  "advertise-pg": text,
  "availability-zone": text,
  "no-sync": { ...flag, short: "n" },
  "broker-endpoint": { ...text, default: "http://127.0.0.1:50051" },
  "broker-keepalive-interval": text,
  "disable-periodic-broker-push": flag,
  "heartbeat-timeout": { ...text, default: "5000ms" },
  "remote-storage": text,
  "enable-offload": flag,
  "delete-offloaded-wal": flag,
  "partial-backup-timeout": { ...text, default: "15m" },
  "partial-backup-concurrency": text,
  "control-file-save-interval": { ...text, default: "300s" },
  "eviction-min-resident": { ...text, default: "15m" },
  "eviction-concurrency": text,
  "max-offloader-lag": { kind: "number", default: 128 * 1024 * 1024 },
  "wal-backup-parallel-jobs": text,
  "wal-backup-threads": text,
  "backup-threads": text,
  "disable-wal-backup": flag,
  "walsenders-keep-horizon": flag,
  "peer-recovery": flag,
  "wal-reader-fanout": flag,
  "max-delta-for-fanout": text,
  "current-thread-runtime": flag,
  "log-format": text,
  "token-auth-type": text,
  "pg-auth-public-key-path": text,
  "pg-tenant-only-auth-public-key-path": text,
  "http-auth-public-key-path": text,
  "auth-token-path": text,
} as const;

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, days: 86_400_000, day: 86_400_000 };

/** An empty path takes back what an earlier flag said. */
const optional = (path: string | undefined): string | undefined => (path === "" ? undefined : path);

function remoteStorage(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    // Inline TOML, as it would stand behind a key.
    return parse(`table = ${text}`)["table"];
  } catch (error) {
    throw new UsageError(`invalid value '${text}' for '--remote-storage <REMOTE_STORAGE>': ${errorText(error)}`);
  }
}

/** `10s`, `500ms`, `15m`, `1h 30m` → milliseconds. */
export function parseDuration(name: string, value: string): number {
  const parts = [...value.matchAll(/(\d+)\s*([a-z]+)\s*/g)];
  const consumed = parts.reduce((sum, part) => sum + part[0].length, 0);
  const total = parts.reduce((sum, part) => sum + Number(part[1]) * (UNITS[part[2] ?? ""] ?? Number.NaN), 0);
  if (consumed !== value.length || parts.length === 0 || Number.isNaN(total)) {
    throw new UsageError(`invalid value '${value}' for '--${name} <DURATION>'`);
  }
  return total;
}

/** Throws UsageError. */
export function parseConfig(argv: string[]): SafekeeperConfig {
  const args = parseArguments(FLAGS, argv);
  const tenantOnly = args["listen-pg-tenant-only"];
  return {
    workdir: args.datadir,
    id: args.id,
    listenPg: parseHostPort(args["listen-pg"]),
    listenPgTenantOnly: tenantOnly === undefined ? undefined : parseHostPort(tenantOnly),
    listenHttp: parseHostPort(args["listen-http"]),
    availabilityZone: args["availability-zone"],
    brokerEndpoint: args["broker-endpoint"],
    sync: !args["no-sync"],
    controlFileSaveIntervalMs: parseDuration("control-file-save-interval", args["control-file-save-interval"]),
    heartbeatTimeoutMs: parseDuration("heartbeat-timeout", args["heartbeat-timeout"]),
    peerRecovery: args["peer-recovery"],
    remoteStorage: remoteStorage(args["remote-storage"]),
    backup: {
      walBackup: args["remote-storage"] !== undefined && !args["disable-wal-backup"],
      maxOffloaderLag: args["max-offloader-lag"],
      partialBackupTimeoutMs: parseDuration("partial-backup-timeout", args["partial-backup-timeout"]),
      offload: args["remote-storage"] !== undefined && args["enable-offload"],
      deleteOffloadedWal: args["delete-offloaded-wal"],
      evictionMinResidentMs: parseDuration("eviction-min-resident", args["eviction-min-resident"]),
    },
    pgAuthKeyPath: optional(args["pg-auth-public-key-path"]),
    pgTenantOnlyAuthKeyPath: optional(args["pg-tenant-only-auth-public-key-path"]),
    httpAuthKeyPath: optional(args["http-auth-public-key-path"]),
    initOnly: args.init,
    dumpControlFile: args["dump-control-file"],
  };
}
