import type { ComputeSpec, SpecOption } from "./spec";
import { addressText } from "./walproposer/timeline";
import { NEON_SETTINGS } from "./neon-settings";

/**
 * Settings of Neon's own Postgres without a prefix: a stock server refuses to start on them. And the target of a
 * read-only compute: its WAL ends there, and a target would make recovery end instead of waiting.
 */
const NOT_FOR_STOCK = /^(max_replication_(write|flush|apply)_lag|neon_test_evict|recovery_target_lsn)$/;
const SETTING = /^\s*([A-Za-z_][\w.]*)\s*(?:=\s*|\s+)(.*?)\s*$/;

/** As Neon's; macOS has none of this name. */
const LOCALE = process.platform === "darwin" ? "C" : "C.UTF-8";

/** Good for a compute that is thrown away; the spec may say otherwise. Checkpoints come about every 64 MB of WAL. */
const ENGINE_DEFAULTS: Readonly<Record<string, string>> = {
  lc_messages: LOCALE,
  lc_monetary: LOCALE,
  lc_time: LOCALE,
  lc_numeric: LOCALE,
  max_wal_size: "64MB",
  min_wal_size: "32MB",
  checkpoint_completion_target: "0",
  checkpoint_warning: "0",
  unix_socket_directories: "",
};

/** What this engine stands on. Shared memory is in files of the data directory, so that SIGKILL leaves none behind. */
const ENGINE_REQUIRES: Readonly<Record<string, string>> = {
  fsync: "off",
  full_page_writes: "off",
  wal_recycle: "off",
  wal_level: "logical",
  restart_after_crash: "off",
  dynamic_shared_memory_type: "mmap",
  logging_collector: "off",
};

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const lines = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}`);

/** The spec's line as a stock Postgres can take it; undefined when it must not see it. */
function stockLine(line: string): string | undefined {
  const [, name, value] = SETTING.exec(line) ?? [];
  if (name === undefined || value === undefined) return line;
  if (NOT_FOR_STOCK.test(name)) return undefined;
  if (name !== "shared_preload_libraries") return line;
  const libraries = value
    .replace(/\s*#.*$/, "")
    .replaceAll("'", "")
    .split(",");
  return `${name}=${quote(libraries.filter((library) => library.trim() !== "neon").join(","))}`;
}

function settingLine({ name, value, vartype }: SpecOption): string {
  if (value === undefined || value === null) return name;
  return `${name} = ${vartype === "string" ? quote(value.replaceAll("\\", "\\\\")) : value}`;
}

function storageSettings(spec: ComputeSpec, httpPort: number): Record<string, string> {
  return {
    "neon.pageserver_connstring": spec.pageserverConnstring,
    "neon.stripe_size": String(spec.stripeSize),
    "neon.safekeepers": spec.safekeepers.map(addressText).join(","),
    "neon.tenant_id": spec.tenantId,
    "neon.timeline_id": spec.timelineId,
    "neon.extension_server_port": String(httpPort),
  };
}

/** The whole postgresql.conf. A setting given twice has its last value, so the order of the parts is what counts. */
export function postgresqlConf(spec: ComputeSpec, httpPort: number): string {
  const fromSpec = [...spec.postgresqlConf.split("\n"), ...spec.settings.map(settingLine)].map(stockLine);
  return [
    "# Defaults of the embedded engine",
    ...lines(NEON_SETTINGS),
    ...lines(ENGINE_DEFAULTS),
    "",
    "# From the spec",
    ...fromSpec.filter((line) => line !== undefined),
    "",
    "# Neon storage settings",
    ...lines(storageSettings(spec, httpPort)),
    "",
    "# What the embedded engine stands on",
    ...lines(ENGINE_REQUIRES),
    "include_if_exists = 'compute_ctl_temp_override.conf'",
    "",
  ].join("\n");
}

/** As initdb and compute_ctl write it: loopback needs no password. */
export const PG_HBA_CONF = [
  "local all all trust",
  "host all all 127.0.0.1/32 trust",
  "host all all ::1/128 trust",
  "local replication all trust",
  "host replication all 127.0.0.1/32 trust",
  "host replication all ::1/128 trust",
  "host all all all md5",
  "",
].join("\n");
