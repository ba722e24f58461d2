import { formatDuration, parseDuration } from "./duration";

type Kind = "bytes" | "count" | "duration" | "boolean" | "object";

/** Every tenant setting in the order of Neon's location_config answer, with its kind and default (neon-protocols §2.1). */
const SETTINGS = {
  checkpoint_distance: ["bytes", 268435456],
  checkpoint_timeout: ["duration", "10m"],
  compaction_target_size: ["bytes", 134217728],
  compaction_period: ["duration", "20s"],
  compaction_threshold: ["count", 10],
  compaction_algorithm: ["object", { kind: "legacy" }],
  gc_horizon: ["bytes", 67108864],
  gc_period: ["duration", "1h"],
  image_creation_threshold: ["count", 3],
  pitr_interval: ["duration", "7days"],
  walreceiver_connect_timeout: ["duration", "10s"],
  lagging_wal_timeout: ["duration", "10s"],
  max_lsn_wal_lag: ["bytes", 1073741824],
  eviction_policy: ["object", { kind: "NoEviction" }],
  min_resident_size_override: ["bytes", null],
  evictions_low_residence_duration_metric_threshold: ["duration", "1day"],
  heatmap_period: ["duration", "0s"],
  lazy_slru_download: ["boolean", false],
  timeline_get_throttle: ["object", { initial: 0, max: 1, refill_amount: 1, refill_interval: "1ms", task_kinds: [] }],
  image_layer_creation_check_threshold: ["count", 2],
  lsn_lease_length: ["duration", "10m"],
  lsn_lease_length_for_ts: ["duration", "1m"],
  timeline_offloading: ["boolean", false],
  wal_receiver_protocol_override: ["object", null],
} as const satisfies Record<string, readonly [Kind, unknown]>;

export type TenantConfKey = keyof typeof SETTINGS;
type KeyOf<K extends Kind> = {
  [Key in TenantConfKey]: (typeof SETTINGS)[Key][0] extends K ? Key : never;
}[TenantConfKey];

/** The settings of one tenant that differ from the pageserver's; durations as humantime text. */
export type TenantConf = Readonly<Partial<Record<TenantConfKey, unknown>>>;

const KEYS = Object.keys(SETTINGS) as TenantConfKey[];
const isKey = (key: string): key is TenantConfKey => Object.hasOwn(SETTINGS, key);

/** What Neon knows of a throttle; other fields it takes and forgets, for a throttle could once be fair. */
function throttle(value: object | null): object | null {
  if (value === null) return null;
  const known = Object.keys(SETTINGS.timeline_get_throttle[1]);
  return Object.fromEntries(Object.entries(value).filter(([key]) => known.includes(key)));
}

function normalise(key: TenantConfKey, value: unknown): unknown {
  const kind: Kind = SETTINGS[key][0];
  if (kind === "duration" && typeof value === "string") return formatDuration(parseDuration(value));
  if ((kind === "bytes" || kind === "count") && typeof value === "number" && value >= 0) return value;
  if ((kind === "bytes" || kind === "count") && typeof value === "bigint" && value >= 0n) return Number(value);
  if (kind === "boolean" && typeof value === "boolean") return value;
  if (kind === "object" && typeof value === "object") return key === "timeline_get_throttle" ? throttle(value) : value;
  throw new Error(`invalid value for ${key}: ${JSON.stringify(value)}`);
}

/** Checks settings that came from outside; null means "not set". Throws the message of serde for an unknown key. */
export function parseTenantConf(raw: Readonly<Record<string, unknown>>): TenantConf {
  const conf: Partial<Record<TenantConfKey, unknown>> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (!isKey(key)) throw new Error(`unknown field \`${key}\``);
    if (value !== null && value !== undefined) conf[key] = normalise(key, value);
  }
  return conf;
}

/** The settings with null for those that are not set, as location_config lists them. */
export function withNulls(conf: TenantConf): Record<TenantConfKey, unknown> {
  return Object.fromEntries(KEYS.map((key) => [key, conf[key] ?? null])) as Record<TenantConfKey, unknown>;
}

/** What is in force for a tenant: its own settings over the pageserver's over the defaults, sorted by name. */
export class EffectiveConf {
  readonly #values: Record<TenantConfKey, unknown>;

  constructor(pageserver: TenantConf, tenant: TenantConf) {
    const sorted = KEYS.toSorted();
    this.#values = Object.fromEntries(
      sorted.map((key) => [key, tenant[key] ?? pageserver[key] ?? SETTINGS[key][1]]),
    ) as Record<TenantConfKey, unknown>;
  }

  toJSON(): unknown {
    return this.#values;
  }

  milliseconds(key: KeyOf<"duration">): number {
    return parseDuration(String(this.#values[key]));
  }

  number(key: KeyOf<"bytes" | "count">): number {
    return Number(this.#values[key] ?? 0);
  }
}
