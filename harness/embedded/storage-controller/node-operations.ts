import { conflict, errorText, pause, preconditionFailed, sleepAt, unavailable } from "../service";
import type { Controller } from "./controller";
import { shardText } from "./model";
import type { PageserverNode } from "./nodes";
import { bestSecondary, maySchedule, moveAttachment } from "./scheduler";
import type { Shard } from "./shards";

type Kind = "drain" | "fill";

interface Operation {
  readonly kind: Kind;
  readonly nodeId: number;
  readonly abort: AbortController;
}

/** How many shards move at the same time. */
const CONCURRENCY = 8;
const NAMES: Record<Kind, string> = { drain: "Drain", fill: "Fill" };

/** Emptying a node before a restart, and giving it its share again afterwards; one such thing at a time, in the background. */
export class NodeOperations {
  readonly #controller: Controller;
  #operation: Operation | undefined;
  #done: Promise<unknown> = Promise.resolve();

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  /** Attachments leave the node for their warm copies elsewhere. Throws Neon's errors where that cannot begin. */
  async startDrain(nodeId: number): Promise<void> {
    const node = this.#available(nodeId);
    if (!this.#controller.nodes.all().some(maySchedule))
      throw preconditionFailed("No other schedulable nodes to drain to");
    const { scheduling } = node.record;
    if (scheduling === "Draining") throw conflict(`Node ${nodeId} has drain in progress`);
    if (scheduling !== "Active") {
      throw preconditionFailed(`Node ${nodeId} cannot be drained due to ${scheduling} policy`);
    }
    await this.#setScheduling(node, "Draining");
    this.#run("drain", node, (signal) => this.#drain(node, signal), "PauseForRestart");
  }

  /** The node's warm copies become attachments, as far as it has less than its share. */
  async startFill(nodeId: number): Promise<void> {
    const node = this.#available(nodeId);
    if (this.#controller.nodes.all().length <= 1) throw preconditionFailed("No other nodes to fill from");
    const { scheduling } = node.record;
    if (scheduling === "Filling") throw conflict(`Node ${nodeId} has fill in progress`);
    if (scheduling !== "Active")
      throw preconditionFailed(`Node ${nodeId} cannot be filled due to ${scheduling} policy`);
    await this.#setScheduling(node, "Filling");
    this.#run("fill", node, (signal) => this.#fill(node, signal), "Active");
  }

  cancel(kind: Kind, nodeId: number): void {
    const node = this.#controller.nodes.get(nodeId);
    if (node.availability !== "Active") throw unavailable(`Node ${nodeId} is currently unavailable`);
    const operation = this.#operation;
    if (operation?.kind !== kind || operation.nodeId !== nodeId) {
      throw preconditionFailed(`Node ${nodeId} has no ${kind} in progress`);
    }
    operation.abort.abort();
  }

  /** Cancels what goes on; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#operation?.abort.abort();
    await this.#done;
  }

  #available(nodeId: number): PageserverNode {
    const node = this.#controller.nodes.get(nodeId);
    if (this.#operation !== undefined) {
      const { kind, nodeId: other } = this.#operation;
      throw preconditionFailed(`Background operation already ongoing for node: ${kind} ${other}`);
    }
    if (node.availability !== "Active") throw unavailable(`Node ${nodeId} is currently unavailable`);
    return node;
  }

  async #setScheduling(node: PageserverNode, scheduling: PageserverNode["record"]["scheduling"]): Promise<void> {
    this.#controller.nodes.setScheduling(node, scheduling);
    await this.#controller.store.save();
  }

  #run(
    kind: Kind,
    node: PageserverNode,
    work: (signal: AbortSignal) => Promise<void>,
    afterwards: "Active" | "PauseForRestart",
  ): void {
    const operation: Operation = { kind, nodeId: node.record.id, abort: new AbortController() };
    const { signal } = operation.abort;
    const log = this.#controller.log.span(`${kind}_node`, { node_id: node.record.id });
    this.#operation = operation;
    log.info(`${NAMES[kind]} background operation starting`);
    this.#done = work(signal)
      .then(() => this.#setScheduling(node, signal.aborted ? "Active" : afterwards))
      .then(() =>
        log.info(`${NAMES[kind]} background operation ${signal.aborted ? "was cancelled" : "completed successfully"}`),
      )
      .catch((error: unknown) => log.error(`${NAMES[kind]} background operation encountered: ${errorText(error)}`))
      .finally(() => (this.#operation = undefined));
  }

  async #drain(node: PageserverNode, signal: AbortSignal): Promise<void> {
    const { shards, nodes } = this.#controller;
    const nodeId = node.record.id;
    const here = shards
      .all()
      .filter(({ record }) => record.attached === nodeId && record.scheduling_policy === "Active");
    await this.#each(here, signal, async (shard) => {
      if (node.availability !== "Active" || node.record.scheduling !== "Draining") {
        throw new Error(`node ${nodeId} changed state during drain`);
      }
      const target = bestSecondary(shard.record, nodes, shards);
      if (target === undefined || !(await this.#isWarm(shard, target))) return;
      await this.#move(shard, target);
      await sleepAt("sleepy-drain-loop", signal);
    });
  }

  async #fill(node: PageserverNode, signal: AbortSignal): Promise<void> {
    const nodeId = node.record.id;
    await this.#each(this.#fillPlan(node), signal, async (shard) => {
      if (node.availability !== "Active" || node.record.scheduling !== "Filling") {
        throw new Error(`node ${nodeId} changed state during fill`);
      }
      if (shard.record.secondary.includes(nodeId)) await this.#move(shard, nodeId);
    });
  }

  /** Copies on the node whose attachment is on a node with more than its share; those of its own zone in any case. */
  #fillPlan(node: PageserverNode): Shard[] {
    const { shards, nodes } = this.#controller;
    const { id: nodeId, availability_zone_id: zone } = node.record;
    const zones = new Set(nodes.all().map(({ record }) => record.availability_zone_id));
    const isElsewhere = (attached: number | null): boolean =>
      attached === null || nodes.find(attached)?.record.availability_zone_id !== zone;
    const attached = new Map<number, number>();
    for (const { record } of shards.all()) {
      if (record.attached !== null) attached.set(record.attached, (attached.get(record.attached) ?? 0) + 1);
    }
    const share =
      [...attached.values()].reduce((sum, count) => sum + count, 0) / nodes.all().filter(maySchedule).length;
    const plan: Shard[] = [];
    for (const shard of shards.all().filter(({ record }) => record.secondary.includes(nodeId))) {
      const { preferred_az_id: home, attached: from } = shard.record;
      if (zones.size > 1 && home !== null) {
        if (home === zone && isElsewhere(from)) plan.push(shard);
        continue;
      }
      const isBelow = (attached.get(nodeId) ?? 0) + plan.length < Math.floor(share);
      const isAbove = from !== null && (attached.get(from) ?? 0) > share;
      if (!isBelow || !isAbove) continue;
      attached.set(from, (attached.get(from) ?? 0) - 1);
      plan.push(shard);
    }
    return plan;
  }

  /** Whether a copy has nearly everything; a cold one would be slow to attach. */
  async #isWarm({ record }: Shard, nodeId: number): Promise<boolean> {
    const { nodes, api, options, log } = this.#controller;
    const name = shardText(record);
    try {
      const path = `/v1/tenant/${name}/secondary/status`;
      const status = (await api.require(nodes.get(nodeId).record, { method: "GET", path })) as {
        bytes_total: number;
        bytes_downloaded: number;
      };
      const lag = status.bytes_total - status.bytes_downloaded;
      if (lag <= options.maxSecondaryLagBytes) return true;
      log.info(`Secondary of ${name} on node ${nodeId} is lagging by ${lag}. Skipping reconcile.`);
    } catch (error) {
      log.info(`Could not determine lag of ${name} on node ${nodeId}. Skipping reconcile: ${errorText(error)}`);
    }
    return false;
  }

  async #move(shard: Shard, nodeId: number): Promise<void> {
    moveAttachment(shard.record, nodeId);
    shard.sequence += 1;
    await this.#controller.apply([shard]);
  }

  async #each(shards: readonly Shard[], signal: AbortSignal, work: (shard: Shard) => Promise<void>): Promise<void> {
    const waiting = [...shards];
    const one = async (): Promise<void> => {
      for (let shard = waiting.shift(); shard !== undefined; shard = waiting.shift()) {
        if (signal.aborted) return;
        await work(shard);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, one));
    // Whoever asks right after the start finds it going on.
    await pause(0, signal);
  }
}
