import { errorText, failpoint, type Logger } from "../service";
import type { Nodes, PageserverNode } from "./nodes";
import type { PageserverApi } from "./pageserver-api";

interface HeartbeatOptions {
  nodes: Nodes;
  api: PageserverApi;
  log: Logger;
  heartbeatIntervalMs: number;
  maxOfflineIntervalMs: number;
  maxWarmingUpIntervalMs: number;
  /** Called when a node has become Active; if it rejects, again with the next heartbeat. */
  onActive: (node: PageserverNode) => Promise<void>;
  /** Called when a node has been silent for too long. */
  onOffline: (node: PageserverNode) => Promise<void>;
}

/** A node that has just re-attached answers within milliseconds, so it is asked this often. */
const WARMING_UP_INTERVAL_MS = 20;
const REQUEST_TIMEOUT_MS = 5000;

interface Watch {
  timer: NodeJS.Timeout | undefined;
  beat: Promise<void> | undefined;
  caughtUp: boolean;
}

/** Asks each node for its utilization, again and again, and keeps its availability by what it answers. */
export class Heartbeats {
  readonly #options: HeartbeatOptions;
  readonly #watches = new Map<number, Watch>();
  readonly #failovers = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Begins to watch the node; resolves after the first heartbeat. */
  watch(node: PageserverNode): Promise<void> {
    const watch: Watch = { timer: undefined, beat: undefined, caughtUp: false };
    this.#watches.set(node.record.id, watch);
    return this.#beat(node, watch);
  }

  /** The node has re-attached: it is WarmingUp until it answers a heartbeat, and the first comes at once. */
  warmUp(node: PageserverNode): void {
    this.#options.nodes.setAvailability(node, "WarmingUp");
    const watch = this.#watches.get(node.record.id);
    if (watch === undefined) {
      void this.watch(node);
      return;
    }
    watch.caughtUp = false;
    if (watch.beat === undefined) this.#schedule(node, watch, 0);
  }

  /** As if the node had been silent for too long; a heartbeat that it answers brings it back. */
  async declareOffline(node: PageserverNode): Promise<void> {
    const watch = this.#watches.get(node.record.id);
    if (watch !== undefined) watch.caughtUp = false;
    this.#options.nodes.setAvailability(node, "Offline");
    await this.#options.onOffline(node);
  }

  forget(nodeId: number): void {
    clearTimeout(this.#watches.get(nodeId)?.timer);
    this.#watches.delete(nodeId);
  }

  /** No heartbeat follows; resolves when what follows from the last ones is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const beats = [...this.#watches.values()].map(({ beat }) => beat);
    for (const nodeId of this.#watches.keys()) this.forget(nodeId);
    await Promise.all([...beats, ...this.#failovers]);
  }

  #schedule(node: PageserverNode, watch: Watch, delayMs: number): void {
    clearTimeout(watch.timer);
    if (this.#stopped || this.#watches.get(node.record.id) !== watch) return;
    watch.timer = setTimeout(() => void this.#beat(node, watch), delayMs);
  }

  async #beat(node: PageserverNode, watch: Watch): Promise<void> {
    watch.beat = this.#probe(node, watch);
    await watch.beat;
    watch.beat = undefined;
    const warmingUp = node.availability === "WarmingUp";
    this.#schedule(node, watch, warmingUp ? WARMING_UP_INTERVAL_MS : this.#options.heartbeatIntervalMs);
  }

  async #probe(node: PageserverNode, watch: Watch): Promise<void> {
    const { api, nodes, log, onActive } = this.#options;
    try {
      node.utilization = await api.utilization(node.record, REQUEST_TIMEOUT_MS);
    } catch (error) {
      log.debug(`heartbeat of node ${node.record.id} failed: ${errorText(error)}`);
      this.#countSilence(node, watch);
      return;
    }
    if (this.#watches.get(node.record.id) !== watch) return;
    await failpoint("heartbeat-pre-node-state-configure");
    nodes.setAvailability(node, "Active");
    if (watch.caughtUp) return;
    watch.caughtUp = true;
    await onActive(node).catch((error: unknown) => {
      watch.caughtUp = false;
      log.info(`node ${node.record.id} is Active but could not be brought up to date: ${errorText(error)}`);
    });
  }

  #countSilence(node: PageserverNode, watch: Watch): void {
    const { nodes, log, onOffline, maxOfflineIntervalMs, maxWarmingUpIntervalMs } = this.#options;
    const allowed = node.availability === "WarmingUp" ? maxWarmingUpIntervalMs : maxOfflineIntervalMs;
    if (this.#stopped || node.availability === "Offline" || performance.now() - node.since < allowed) return;
    watch.caughtUp = false;
    nodes.setAvailability(node, "Offline");
    const failover = onOffline(node)
      .catch((error: unknown) => log.error(`node ${node.record.id}: failover failed: ${errorText(error)}`))
      .finally(() => this.#failovers.delete(failover));
    this.#failovers.add(failover);
  }
}
