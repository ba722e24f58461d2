import { join } from "node:path";
import { errorText, type Logger } from "../service";
import { Heartbeats } from "./heartbeats";
import { type LocationConfig, shardText } from "./model";
import { Nodes, type PageserverNode } from "./nodes";
import { PageserverApi } from "./pageserver-api";
import { Reconciler } from "./reconciler";
import type { SafekeeperRecord } from "./safekeepers";
import { schedule } from "./scheduler";
import { type Shard, Shards } from "./shards";
import { Store } from "./store";

export interface ControllerOptions {
  log: Logger;
  /** The state is kept in `<repoDir>/storage_controller_db/state.json`. */
  repoDir: string;
  heartbeatIntervalMs: number;
  maxOfflineIntervalMs: number;
  maxWarmingUpIntervalMs: number;
  addressForPeers: string;
  /** Sent to pageservers as bearer token. */
  jwtToken: string | undefined;
  /** PEM of the key that signs the tokens of those who call; without it everybody may do everything. */
  publicKey: string | undefined;
}

/** What startup waits at most for pageservers that neither answer nor refuse. */
const STARTUP_RECONCILE_MS = 1000;

/** The parts of a storage controller, which the HTTP handlers share. */
export class Controller {
  readonly log: Logger;
  readonly options: ControllerOptions;
  readonly nodes: Nodes;
  readonly shards: Shards;
  readonly safekeepers: Map<number, SafekeeperRecord>;
  readonly store: Store;
  readonly api: PageserverApi;
  readonly reconciler: Reconciler;
  readonly heartbeats: Heartbeats;
  readonly startedAt = new Date();

  static async load(options: ControllerOptions): Promise<Controller> {
    const path = join(options.repoDir, "storage_controller_db", "state.json");
    const state = await Store.load(path);
    const nodes = new Nodes(options.log, state.nodes);
    const shards = new Shards(state.shards);
    const safekeepers = new Map(state.safekeepers.map((record) => [record.id, record]));
    const snapshot = () => ({
      nodes: nodes.all().map((node) => node.record),
      shards: shards.all().map((shard) => shard.record),
      safekeepers: [...safekeepers.values()],
    });
    options.log.info(`Loaded ${state.nodes.length} nodes and ${state.shards.length} tenant shards`);
    return new Controller(options, { nodes, shards, safekeepers, store: new Store(path, snapshot) });
  }

  constructor(options: ControllerOptions, parts: Pick<Controller, "nodes" | "shards" | "safekeepers" | "store">) {
    const { nodes, shards, safekeepers, store } = parts;
    this.options = options;
    this.log = options.log;
    this.nodes = nodes;
    this.shards = shards;
    this.safekeepers = safekeepers;
    this.store = store;
    this.api = new PageserverApi(options.jwtToken);
    this.reconciler = new Reconciler({ nodes, store, api: this.api, log: options.log });
    this.heartbeats = new Heartbeats({
      ...options,
      nodes,
      api: this.api,
      onActive: (node) => this.#catchUp(node),
    });
  }

  /** Asks all known nodes how they are and brings those that answer up to date; does not wait long for a silent one. */
  async start(): Promise<void> {
    const asked = Promise.all(this.nodes.all().map((node) => this.heartbeats.watch(node)));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([asked, new Promise((resolve) => (timer = setTimeout(resolve, STARTUP_RECONCILE_MS)))]);
    clearTimeout(timer);
  }

  /** Schedules and reconciles what is not as it should be; resolves with how many shards that were. */
  async reconcileAll(): Promise<number> {
    const pending = this.shards.all().filter((shard) => this.#isBehind(shard));
    await Promise.all(pending.map((shard) => this.#bringUpToDate(shard)));
    return pending.length;
  }

  /** Stores the records and reconciles these shards. Rejects with the first pageserver's error. */
  async apply(shards: Shard[]): Promise<void> {
    await this.store.save();
    await Promise.all(shards.map((shard) => this.reconciler.reconcile(shard)));
  }

  #isBehind(shard: Shard): boolean {
    const { attached, placement_policy, scheduling_policy } = shard.record;
    if (scheduling_policy === "Stop") return false;
    return !this.reconciler.isInSync(shard) || (attached === null && typeof placement_policy === "object");
  }

  async #bringUpToDate(shard: Shard): Promise<void> {
    try {
      schedule(shard.record, this.nodes, this.shards);
      await this.apply([shard]);
    } catch (error) {
      shard.lastError = errorText(error);
      this.log.info(`reconcile of ${shardText(shard.record)} is to be tried again: ${errorText(error)}`);
    }
  }

  /** After an absence of the node or of ourselves: learns what the node has, then mends what differs. */
  async #catchUp(node: PageserverNode): Promise<void> {
    const nodeId = node.record.id;
    const before = new Map(this.shards.all().map((shard) => [shard, shard.sequence]));
    const has = await this.api.listLocations(node.record);
    for (const [shard, sequence] of before) {
      if (shard.sequence !== sequence || shard.reconciling) continue;
      this.#observe(shard, nodeId, has);
    }
    await this.reconcileAll();
  }

  #observe(shard: Shard, nodeId: number, has: Map<string, LocationConfig | undefined>): void {
    const name = shardText(shard.record);
    if (has.has(name)) shard.observed.set(nodeId, has.get(name));
    else shard.observed.delete(nodeId);
  }
}
