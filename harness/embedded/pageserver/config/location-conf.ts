import { parse, stringify } from "smol-toml";
import type { TenantShardId } from "../../../types";
import { parseTenantConf, type TenantConf, withNulls } from "./tenant-conf";

export type AttachMode = "Single" | "Multi" | "Stale";
export type LocationMode = `Attached${AttachMode}` | "Secondary" | "Detached";
export const LOCATION_MODES: readonly LocationMode[] = [
  "AttachedSingle",
  "AttachedMulti",
  "AttachedStale",
  "Secondary",
  "Detached",
];

/** How one tenant shard lives on this node: attached in a generation, or as a secondary. */
export interface LocationConf {
  readonly mode: Exclude<LocationMode, "Detached">;
  /** Undefined for a secondary. */
  readonly generation: number | undefined;
  readonly secondaryWarm: boolean;
  readonly stripeSize: number;
  readonly tenantConf: TenantConf;
}

export const DEFAULT_STRIPE_SIZE = 32768;
const HEADER = "# This file contains a specific per-tenant's config.\n#  It is read in case of pageserver restart.\n";

/** The text of the file `config-v1` (neon-protocols §2.1). */
export function locationConfToToml(id: TenantShardId, conf: LocationConf): string {
  const mode =
    conf.generation === undefined
      ? { Secondary: { warm: conf.secondaryWarm } }
      : { Attached: { generation: conf.generation, attach_mode: conf.mode.replace("Attached", "") } };
  const shard =
    id.shardCount === 0
      ? {}
      : { shard: { number: id.shardNumber, count: id.shardCount, stripe_size: conf.stripeSize } };
  return `${HEADER}${stringify({ mode, ...shard, tenant_conf: conf.tenantConf })}`;
}

interface LocationToml {
  mode?: { Attached?: { generation: number; attach_mode: AttachMode }; Secondary?: { warm?: boolean } };
  shard?: { stripe_size?: number };
  tenant_conf?: Record<string, unknown>;
}

/** Reads `config-v1`; throws when it says neither attached nor secondary. */
export function locationConfFromToml(text: string): LocationConf {
  const raw = parse(text) as LocationToml;
  const attached = raw.mode?.Attached;
  if (attached === undefined && raw.mode?.Secondary === undefined) throw new Error("location config without a mode");
  return {
    mode: attached === undefined ? "Secondary" : `Attached${attached.attach_mode}`,
    generation: attached?.generation,
    secondaryWarm: raw.mode?.Secondary?.warm ?? false,
    stripeSize: raw.shard?.stripe_size ?? DEFAULT_STRIPE_SIZE,
    tenantConf: parseTenantConf(raw.tenant_conf ?? {}),
  };
}

/** The answer of GET location_config. */
export function locationConfToJson(id: TenantShardId, conf: LocationConf): unknown {
  return {
    mode: conf.mode,
    generation: conf.generation ?? null,
    secondary_conf: conf.mode === "Secondary" ? { warm: conf.secondaryWarm } : null,
    shard_number: id.shardNumber,
    shard_count: id.shardCount,
    shard_stripe_size: conf.stripeSize,
    tenant_conf: withNulls(conf.tenantConf),
  };
}
