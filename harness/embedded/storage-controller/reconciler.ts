import { isDeepStrictEqual } from "node:util";
import { errorText, failpoint, type Logger } from "../service";
import { type ComputeHook, NotificationPending } from "./compute-hook";
import { migrateLive, migrationOrigin } from "./live-migration";
import { type LocationConfig, type LocationMode, setKeys, type ShardRecord, shardText } from "./model";
import type { Nodes } from "./nodes";
import { type PageserverApi, PageserverUnreachable } from "./pageserver-api";
import type { Shard, Shards } from "./shards";
import type { Store } from "./store";

export interface ReconcileCounts {
  spawn: number;
  ok: number;
  error: number;
  longRunning: number;
}

interface ReconcilerParts {
  nodes: Nodes;
  shards: Shards;
  store: Store;
  api: PageserverApi;
  hook: ComputeHook;
  log: Logger;
  longReconcileThresholdMs: number;
}

const ATTACHED: ReadonlySet<LocationMode> = new Set(["AttachedSingle", "AttachedMulti", "AttachedStale"]);
/** How long an origin of a migration may take to flush what it has. */
const FLUSH_MS = 10_000;

/** Copies are kept warm by the heatmap that the attached pageserver uploads, so it must upload one. */
function heatmapFor({ placement_policy: policy }: ShardRecord): { heatmap_period?: string } {
  return typeof policy === "object" && policy.Attached > 0 ? { heatmap_period: "60s" } : {};
}

/** What a pageserver is to be told so that it has the shard in this mode. */
export function location(record: ShardRecord, mode: LocationMode): LocationConfig {
  return {
    mode,
    generation: ATTACHED.has(mode) ? record.generation : null,
    secondary_conf: mode === "Secondary" ? { warm: true } : null,
    shard_number: record.shard_number,
    shard_count: record.shard_count,
    shard_stripe_size: record.shard_stripe_size,
    tenant_conf: { ...heatmapFor(record), ...setKeys(record.config) },
  };
}

function same(a: LocationConfig | undefined, b: LocationConfig): boolean {
  return (
    a !== undefined &&
    a.mode === b.mode &&
    (a.generation ?? null) === b.generation &&
    isDeepStrictEqual(setKeys(a.tenant_conf), b.tenant_conf)
  );
}

/** Makes the pageservers have of each shard what its record says. One reconcile per shard at a time. */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly counts: ReconcileCounts = { spawn: 0, ok: 0, error: 0, longRunning: 0 };

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  isInSync({ record, observed }: Shard): boolean {
    const wanted = this.#wanted(record);
    // What is to be done on nodes that are not there waits for them.
    const isUp = (node: number): boolean => this.#parts.nodes.find(node)?.availability === "Active";
    const isOwned = record.attached === null || record.generation_pageserver === record.attached;
    return (
      wanted.every(([node, want]) => !isUp(node) || same(observed.get(node), want)) &&
      [...observed.keys()].every((node) => !isUp(node) || wanted.some(([wantedNode]) => wantedNode === node)) &&
      (isOwned || (record.attached !== null && !isUp(record.attached)))
    );
  }

  /** Waits its turn, then reconciles. Rejects with the pageserver's error, which `last_error` keeps. */
  reconcile(shard: Shard): Promise<void> {
    const run = shard.idle.then(async () => {
      if (this.isInSync(shard) && !shard.pendingNotification) return;
      this.counts.spawn += 1;
      shard.reconciling = true;
      const isLong = setTimeout(() => (this.counts.longRunning += 1), this.#parts.longReconcileThresholdMs);
      try {
        await this.#run(shard);
        shard.lastError = "";
        shard.failures = 0;
        this.counts.ok += 1;
      } catch (error) {
        shard.lastError = errorText(error);
        shard.failures += 1;
        this.counts.error += 1;
        throw error;
      } finally {
        clearTimeout(isLong);
        shard.reconciling = false;
      }
    });
    shard.idle = run.catch(() => undefined);
    return run;
  }

  /** Tells the computes of a tenant where it is. What cannot be said now is remembered as pending. */
  async notify(shard: Shard): Promise<void> {
    const { hook, shards } = this.#parts;
    const { tenant_id: tenantId } = shard.record;
    try {
      await hook.notify(tenantId, () => shards.recordsOf(tenantId));
      shard.pendingNotification = false;
    } catch (error) {
      shard.pendingNotification = error instanceof NotificationPending;
      throw error;
    }
  }

  #wanted(record: ShardRecord): [node: number, location: LocationConfig][] {
    const wanted = record.secondary.map((node): [number, LocationConfig] => [node, location(record, "Secondary")]);
    return record.attached === null ? wanted : [[record.attached, location(record, "AttachedSingle")], ...wanted];
  }

  async #run(shard: Shard): Promise<void> {
    const { record, observed } = shard;
    const { nodes } = this.#parts;
    const origin = migrationOrigin(shard, nodes);
    if (origin !== undefined) {
      const put = (of: Shard, nodeId: number, mode: LocationMode, options?: { flush: boolean }) =>
        this.#put(of, nodeId, location(of.record, mode), options);
      const takeGeneration = (of: Shard, nodeId: number) => this.#nextGeneration(of, nodeId);
      await migrateLive({ ...this.#parts, put, takeGeneration }, shard, origin);
    }
    for (const nodeId of observed.keys()) {
      const isUnwanted = nodeId !== record.attached && !record.secondary.includes(nodeId);
      // Two attachments at once are left to migrations: the other one goes first.
      const isOther = nodeId !== record.attached && observed.get(nodeId)?.mode !== "Secondary";
      if (isUnwanted) await this.#detach(shard, nodeId);
      else if (isOther) await this.#putIfUp(shard, nodeId, "Secondary");
    }
    await this.#attach(shard);
    for (const nodeId of record.secondary) {
      if (!same(observed.get(nodeId), location(record, "Secondary"))) await this.#putIfUp(shard, nodeId, "Secondary");
    }
    if (record.attached !== null) await this.notify(shard);
    await failpoint("reconciler-epilogue");
  }

  async #attach(shard: Shard): Promise<void> {
    const { record, observed } = shard;
    const had = record.attached === null ? undefined : observed.get(record.attached);
    const holds = had !== undefined && ATTACHED.has(had.mode) && had.generation === record.generation;
    if (record.attached === null) {
      if (record.generation_pageserver === null) return;
      record.generation_pageserver = null;
      return this.#parts.store.save();
    }
    if (record.generation_pageserver !== record.attached || !holds) {
      await failpoint("reconciler-pre-increment-generation");
      await this.#nextGeneration(shard, record.attached);
    }
    const want = location(record, "AttachedSingle");
    if (!same(observed.get(record.attached), want)) await this.#put(shard, record.attached, want);
  }

  /** A new attachment gets a new generation, stored before the pageserver hears of it; a new configuration does not. */
  async #nextGeneration({ record }: Shard, nodeId: number): Promise<void> {
    record.generation += 1;
    record.generation_pageserver = nodeId;
    await this.#parts.store.save();
  }

  async #detach(shard: Shard, nodeId: number): Promise<void> {
    const { nodes, log } = this.#parts;
    const node = nodes.find(nodeId);
    // A node that is down lets go of the shard when it re-attaches and hears nothing of it.
    if (node !== undefined && node.availability !== "Offline") {
      await this.#put(shard, nodeId, location(shard.record, "Detached")).catch((error: unknown) => {
        if (!(error instanceof PageserverUnreachable)) throw error;
        log.info(`could not detach ${shardText(shard.record)}: ${error.message}`);
      });
    }
    shard.observed.delete(nodeId);
  }

  /** A node that is down learns what it is to have when it re-attaches. */
  async #putIfUp(shard: Shard, nodeId: number, mode: LocationMode): Promise<void> {
    if (this.#parts.nodes.find(nodeId)?.availability === "Offline") return;
    await this.#put(shard, nodeId, location(shard.record, mode));
  }

  async #put(shard: Shard, nodeId: number, want: LocationConfig, options?: { flush: boolean }): Promise<void> {
    const { nodes, api, log } = this.#parts;
    const name = shardText(shard.record);
    const generation = want.generation === null ? "" : ` in generation ${want.generation}`;
    log.span("reconciler", { tenant_shard_id: name }).info(`node ${nodeId}: ${want.mode}${generation}`);
    shard.sequence += 1;
    // Until the answer is there, nobody knows what the node has.
    if (shard.observed.has(nodeId)) shard.observed.set(nodeId, undefined);
    const flush = options?.flush === true ? `?flush_ms=${FLUSH_MS}` : "";
    await api.putLocation(nodes.get(nodeId).record, `${name}/location_config${flush}`, want);
    if (want.mode === "Detached") shard.observed.delete(nodeId);
    else shard.observed.set(nodeId, want);
  }
}
