import { type TenantId, TenantShardId } from "../../types";
import { type ApiError, badRequest, notFound } from "../service";
import { fullTenantConfig, type LocationConfig, type ShardRecord, shardText } from "./model";

/** One shard in memory: what is stored of it, what the pageservers have of it, and how its last reconcile went. */
export interface Shard {
  record: ShardRecord;
  /** By node id; undefined: the node may have something, we do not know what. */
  observed: Map<number, LocationConfig | undefined>;
  lastError: string;
  reconciling: boolean;
  /** Whether computes have not heard of where the shard is. */
  pendingNotification: boolean;
  /** Reconciles that failed one after the other, and when the next may be tried; ms of performance.now(). */
  failures: number;
  retryAt: number;
  /** Counts changes made on pageservers, so that an older listing of them is known to be old. */
  sequence: number;
  /** Settles, never rejects, when the reconciles begun so far are over. */
  idle: Promise<void>;
}

/** A shard of which nothing is known but its record. */
export function newShard(record: ShardRecord): Shard {
  return {
    record,
    observed: new Map(),
    lastError: "",
    reconciling: false,
    pendingNotification: false,
    failures: 0,
    retryAt: 0,
    sequence: 0,
    idle: Promise.resolve(),
  };
}

export function tenantNotFound(tenantId: string): ApiError {
  return notFound(`Tenant ${tenantId} not found`);
}

/** All tenant shards. */
export class Shards {
  readonly #shards = new Map<string, Shard>();

  constructor(records: ShardRecord[]) {
    for (const record of records) this.add(record);
  }

  add(record: ShardRecord): Shard {
    const shard = newShard(record);
    this.put(shard);
    return shard;
  }

  put(shard: Shard): void {
    this.#shards.set(shardText(shard.record), shard);
  }

  remove(shard: Shard): void {
    this.#shards.delete(shardText(shard.record));
  }

  all(): Shard[] {
    return [...this.#shards.values()];
  }

  find(shardId: string): Shard | undefined {
    return this.#shards.get(shardId);
  }

  /** The records of a tenant's shards in order of their numbers; none when it is not known. */
  recordsOf(tenantId: string): ShardRecord[] {
    return this.all()
      .map(({ record }) => record)
      .filter((record) => record.tenant_id === tenantId)
      .toSorted((a, b) => a.shard_number - b.shard_number);
  }

  /** The shards of a tenant in order of their numbers; 404 when there is none. */
  ofTenant(tenantId: TenantId): [Shard, ...Shard[]] {
    const [first, ...others] = this.all()
      .filter((shard) => shard.record.tenant_id === tenantId)
      .toSorted((a, b) => a.record.shard_number - b.record.shard_number);
    if (first === undefined) throw tenantNotFound(tenantId);
    return [first, ...others];
  }
}

/** A shard id from a path or a body; 400 as Neon words it. */
export function parseShardId(text: unknown): TenantShardId {
  try {
    return TenantShardId.parse(String(text));
  } catch {
    // Whatever is wrong with it, Neon only says that much.
    throw badRequest("failed to parse tenant_shard_id");
  }
}

export function parseTenantId(text: unknown): TenantId {
  return parseShardId(text).tenantId;
}

/** A tenant as `/control/v1/tenant` shows it. */
export function describeTenant(shards: [Shard, ...Shard[]]) {
  const { record } = shards[0];
  return {
    tenant_id: record.tenant_id,
    shards: shards.map((shard) => ({
      tenant_shard_id: shardText(shard.record),
      node_attached: shard.record.attached,
      node_secondary: shard.record.secondary,
      last_error: shard.lastError,
      is_reconciling: shard.reconciling,
      is_pending_compute_notification: shard.pendingNotification,
      is_splitting: shard.record.splitting === true,
      scheduling_policy: shard.record.scheduling_policy,
      preferred_az_id: shard.record.preferred_az_id,
    })),
    stripe_size: record.shard_stripe_size,
    policy: record.placement_policy,
    config: fullTenantConfig(record.config),
  };
}

/** A shard as `/debug/v1/tenant` dumps it. */
export function dumpShard({ record, observed, lastError, sequence, pendingNotification }: Shard) {
  const show = (location: LocationConfig | undefined) => ({
    conf: location === undefined ? null : { ...location, tenant_conf: fullTenantConfig(location.tenant_conf) },
  });
  return {
    tenant_shard_id: shardText(record),
    shard: {
      number: record.shard_number,
      count: record.shard_count,
      stripe_size: record.shard_stripe_size,
      layout: 1,
    },
    sequence,
    generation: record.generation,
    policy: record.placement_policy,
    intent: { attached: record.attached, secondary: record.secondary, preferred_az_id: record.preferred_az_id },
    observed: { locations: Object.fromEntries([...observed].map(([node, location]) => [node, show(location)])) },
    config: fullTenantConfig(record.config),
    splitting: record.splitting === true ? "Splitting" : "Idle",
    delayed_reconcile: false,
    last_error: lastError,
    pending_compute_notification: pendingNotification,
    scheduling_policy: record.scheduling_policy,
  };
}
