import { isDeepStrictEqual } from "node:util";
import { errorText, type Logger } from "../service";
import { type LocationConfig, type LocationMode, setKeys, type ShardRecord, shardText } from "./model";
import type { Nodes } from "./nodes";
import { type PageserverApi, PageserverUnreachable } from "./pageserver-api";
import type { Shard } from "./shards";
import type { Store } from "./store";

export interface ReconcileCounts {
  spawn: number;
  ok: number;
  error: number;
}

/** Copies are kept warm by the heatmap that the attached pageserver uploads, so it must upload one. */
function heatmapFor({ placement_policy: policy }: ShardRecord): { heatmap_period?: string } {
  return typeof policy === "object" && policy.Attached > 0 ? { heatmap_period: "60s" } : {};
}

/** What a pageserver is to be told so that it has the shard in this mode. */
export function location(record: ShardRecord, mode: LocationMode): LocationConfig {
  return {
    mode,
    generation: mode === "AttachedSingle" ? record.generation : null,
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
  readonly #nodes: Nodes;
  readonly #store: Store;
  readonly #api: PageserverApi;
  readonly #log: Logger;
  readonly counts: ReconcileCounts = { spawn: 0, ok: 0, error: 0 };

  constructor(parts: { nodes: Nodes; store: Store; api: PageserverApi; log: Logger }) {
    this.#nodes = parts.nodes;
    this.#store = parts.store;
    this.#api = parts.api;
    this.#log = parts.log;
  }

  isInSync({ record, observed }: Shard): boolean {
    const wanted = this.#wanted(record);
    return (
      wanted.every(([node, want]) => same(observed.get(node), want)) &&
      [...observed.keys()].every((node) => wanted.some(([wantedNode]) => wantedNode === node)) &&
      (record.attached === null || record.generation_pageserver === record.attached)
    );
  }

  /** Waits its turn, then reconciles. Rejects with the pageserver's error, which `last_error` keeps. */
  reconcile(shard: Shard): Promise<void> {
    const run = shard.idle.then(async () => {
      if (this.isInSync(shard)) return;
      this.counts.spawn += 1;
      shard.reconciling = true;
      try {
        await this.#run(shard);
        shard.lastError = "";
        this.counts.ok += 1;
      } catch (error) {
        shard.lastError = errorText(error);
        this.counts.error += 1;
        throw error;
      } finally {
        shard.reconciling = false;
      }
    });
    shard.idle = run.catch(() => undefined);
    return run;
  }

  #wanted(record: ShardRecord): [node: number, location: LocationConfig][] {
    const wanted = record.secondary.map((node): [number, LocationConfig] => [node, location(record, "Secondary")]);
    return record.attached === null ? wanted : [[record.attached, location(record, "AttachedSingle")], ...wanted];
  }

  async #run(shard: Shard): Promise<void> {
    const { record, observed } = shard;
    for (const nodeId of observed.keys()) {
      if (nodeId !== record.attached && !record.secondary.includes(nodeId)) await this.#detach(shard, nodeId);
    }
    await this.#takeGeneration(shard);
    for (const [nodeId, want] of this.#wanted(record)) {
      if (same(observed.get(nodeId), want)) continue;
      await this.#put(shard, nodeId, want);
      observed.set(nodeId, want);
    }
  }

  /** A new attachment gets a new generation, stored before the pageserver hears of it; a new configuration does not. */
  async #takeGeneration({ record, observed }: Shard): Promise<void> {
    const had = record.attached === null ? undefined : observed.get(record.attached);
    const holds = had?.mode === "AttachedSingle" && had.generation === record.generation;
    if (record.generation_pageserver === record.attached && (record.attached === null || holds)) return;
    if (record.attached !== null) record.generation += 1;
    record.generation_pageserver = record.attached;
    await this.#store.save();
  }

  async #detach(shard: Shard, nodeId: number): Promise<void> {
    const node = this.#nodes.find(nodeId);
    // A node that is down lets go of the shard when it re-attaches and hears nothing of it.
    if (node !== undefined && node.availability !== "Offline") {
      await this.#put(shard, nodeId, location(shard.record, "Detached")).catch((error: unknown) => {
        if (!(error instanceof PageserverUnreachable)) throw error;
        this.#log.info(`could not detach ${shardText(shard.record)}: ${error.message}`);
      });
    }
    shard.observed.delete(nodeId);
  }

  async #put(shard: Shard, nodeId: number, want: LocationConfig): Promise<void> {
    const name = shardText(shard.record);
    const generation = want.generation === null ? "" : ` in generation ${want.generation}`;
    this.#log.span("reconciler", { tenant_shard_id: name }).info(`node ${nodeId}: ${want.mode}${generation}`);
    shard.sequence += 1;
    await this.#api.putLocation(this.#nodes.get(nodeId).record, name, want);
  }
}
