import { Lsn } from "../../types";
import { errorText, failpoint, type Logger, pause } from "../service";
import type { ComputeHook } from "./compute-hook";
import { NotificationPending } from "./compute-hook";
import { type LocationMode, shardText } from "./model";
import type { Nodes, PageserverNode } from "./nodes";
import type { PageserverApi } from "./pageserver-api";
import type { Shard, Shards } from "./shards";

export interface MigrationParts {
  readonly nodes: Nodes;
  readonly shards: Shards;
  readonly api: PageserverApi;
  readonly hook: ComputeHook;
  readonly log: Logger;
  /** Tells the pageserver and remembers it as observed. */
  readonly put: (shard: Shard, nodeId: number, mode: LocationMode, options?: { flush: boolean }) => Promise<void>;
  /** Stores that the shard's next generation is the node's. */
  readonly takeGeneration: (shard: Shard, nodeId: number) => Promise<void>;
}

const WARM_UP_MS = 30_000;
const DOWNLOAD_POLL_MS = 1000;
const LSN_POLL_MS = 20;
const NOTIFY_PAUSE_MS = 500;

/** The node that has the shard attached now, alive, while another one is to have it; undefined when there is no such. */
export function migrationOrigin({ record, observed }: Shard, nodes: Nodes): PageserverNode | undefined {
  if (record.attached === null) return undefined;
  const there = observed.get(record.attached);
  if (observed.has(record.attached) && there?.mode !== "Secondary") return undefined;
  for (const [nodeId, location] of observed) {
    const node = nodes.find(nodeId);
    if (nodeId !== record.attached && location?.mode === "AttachedSingle" && node?.availability === "Active")
      return node;
  }
  return undefined;
}

/**
 * Moves an attachment without a moment in which nobody serves: the origin stays attached, stale, until the destination has
 * all its WAL and the computes know of it.
 */
export async function migrateLive(parts: MigrationParts, shard: Shard, origin: PageserverNode): Promise<void> {
  const { nodes, log } = parts;
  const target = shard.record.attached;
  if (target === null) return;
  const destination = nodes.get(target);
  const name = shardText(shard.record);
  log.info(`live migrating ${name}: node ${origin.record.id} to node ${target}`);
  await parts.put(shard, origin.record.id, "AttachedStale", { flush: true });
  const baseline = await lsnsOf(parts, origin, name);
  if (shard.observed.get(target)?.mode === "Secondary") await warmUp(parts, destination, name);
  await failpoint("reconciler-live-migrate-pre-generation-inc");
  await parts.takeGeneration(shard, target);
  await parts.put(shard, target, "AttachedMulti");
  await failpoint("reconciler-live-migrate-pre-await-lsn");
  await awaitLsns(parts, destination, name, baseline);
  await notifyComputes(parts, shard, origin);
  await failpoint("reconciler-live-migrate-post-notify");
  const keepsCopy = shard.record.secondary.includes(origin.record.id);
  await parts.put(shard, origin.record.id, keepsCopy ? "Secondary" : "Detached");
  await failpoint("reconciler-live-migrate-post-detach");
  await parts.put(shard, target, "AttachedSingle");
  log.info(`migration of ${name} is complete`);
}

async function lsnsOf({ api }: MigrationParts, node: PageserverNode, name: string): Promise<Map<string, Lsn>> {
  const timelines = (await api.require(node.record, { method: "GET", path: `/v1/tenant/${name}/timeline` })) as {
    timeline_id: string;
    last_record_lsn: string;
  }[];
  return new Map(timelines.map(({ timeline_id: id, last_record_lsn: lsn }) => [id, Lsn.parse(lsn)]));
}

/** A copy that is not warm in time does no harm: the attachment loads what is missing. */
async function warmUp({ api, log }: MigrationParts, node: PageserverNode, name: string): Promise<void> {
  const deadline = performance.now() + WARM_UP_MS;
  const path = `/v1/tenant/${name}/secondary/download?wait_ms=${DOWNLOAD_POLL_MS}`;
  try {
    while (performance.now() < deadline) {
      const reply = await api.call(node.record, { method: "POST", path });
      if (reply.status !== 202) return;
    }
  } catch (error) {
    log.info(`could not warm up ${name} on node ${node.record.id}: ${errorText(error)}`);
  }
}

/** Timelines that were deleted meanwhile need not be there. */
async function awaitLsns(
  parts: MigrationParts,
  node: PageserverNode,
  name: string,
  baseline: ReadonlyMap<string, Lsn>,
): Promise<void> {
  for (;;) {
    const now = await lsnsOf(parts, node, name);
    const isBehind = [...baseline].some(([id, lsn]) => {
      const there = now.get(id);
      return there !== undefined && there < lsn;
    });
    if (!isBehind) return;
    await pause(LSN_POLL_MS);
  }
}

/** Again and again: without it the computes would be left with a pageserver that lets go of their tenant. */
async function notifyComputes(parts: MigrationParts, shard: Shard, origin: PageserverNode): Promise<void> {
  const { hook, shards, log } = parts;
  const { tenant_id: tenantId } = shard.record;
  for (;;) {
    try {
      await hook.notify(tenantId, () => shards.recordsOf(tenantId));
      shard.pendingNotification = false;
      return;
    } catch (error) {
      shard.pendingNotification = true;
      if (!(error instanceof NotificationPending)) throw error;
      // Nobody can read from an origin that is gone, so there is nothing to wait for.
      if (origin.availability === "Offline") return;
      log.info(`live migration waits for the computes to be told: ${errorText(error)}`);
      await pause(NOTIFY_PAUSE_MS);
    }
  }
}
