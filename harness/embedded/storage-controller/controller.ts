import { join } from "node:path";
import { errorText, type Logger, sleepAt } from "../service";
import { Heartbeats } from "./heartbeats";
import { type LocationConfig, shardText } from "./model";
import { Nodes, type PageserverNode } from "./nodes";
import { PageserverApi } from "./pageserver-api";
import { Reconciler } from "./reconciler";
import type { SafekeeperRecord } from "./safekeepers";
import { ComputeHook, NotificationPending } from "./compute-hook";
import { NodeOperations } from "./node-operations";
import { demote, homeOf, maySchedule, moveAttachment, schedule } from "./scheduler";
import { askToStepDown, type LeadershipStatus } from "./leadership";
import { type Shard, Shards } from "./shards";
import { forgetSplits } from "./split-tenant";
import { type PersistentState, Store } from "./store";

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
  /** Told of every move of a tenant; the token is shown to it. */
  computeHookUrl: string | undefined;
  controlPlaneToken: string | undefined;
  /** Whether another instance may lead, which is to step down first; the token is shown to it. */
  startAsCandidate: boolean;
  peerToken: string | undefined;
  longReconcileThresholdMs: number;
  maxSecondaryLagBytes: number;
  /** PEM of the key that signs the tokens of those who call; without it everybody may do everything. */
  publicKey: string | undefined;
}

/** The state as the last leader left it; a candidate first asks that one to step down. */
async function becomeLeader(path: string, options: ControllerOptions): Promise<PersistentState> {
  const state = await Store.load(path);
  if (!options.startAsCandidate || state.leader === undefined) return state;
  await askToStepDown(state.leader, options.peerToken, options.log);
  return Store.load(path);
}

/** How often everything is looked at, and how long a shard whose reconciles fail may be left alone. */
const BACKGROUND_MS = 500;
const MAX_RETRY_MS = 10_000;

/** Whether the controller may place the shard elsewhere by itself. */
function mayMove({ record }: Shard): boolean {
  return record.scheduling_policy === "Active" || record.scheduling_policy === "Essential";
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
  readonly hook: ComputeHook;
  readonly operations: NodeOperations;
  readonly startedAt = new Date();
  leadership: LeadershipStatus = "leader";
  #isStarting = true;
  #background: NodeJS.Timeout | undefined;

  static async load(options: ControllerOptions): Promise<Controller> {
    const path = join(options.repoDir, "storage_controller_db", "state.json");
    const state = await becomeLeader(path, options);
    if (forgetSplits(state.shards)) options.log.info("a split was cut off: the tenant stays as it was");
    const leader = { address: options.addressForPeers, started_at: new Date().toISOString() };
    const nodes = new Nodes(options.log, state.nodes);
    const shards = new Shards(state.shards);
    const safekeepers = new Map(state.safekeepers.map((record) => [record.id, record]));
    const snapshot = () => ({
      nodes: nodes.all().map((node) => node.record),
      shards: shards.all().map((shard) => shard.record),
      safekeepers: [...safekeepers.values()],
      leader,
    });
    options.log.info(`Loaded ${state.nodes.length} nodes and ${state.shards.length} tenant shards`);
    const controller = new Controller(options, { nodes, shards, safekeepers, store: new Store(path, snapshot) });
    await controller.store.save();
    return controller;
  }

  /** Shards of which somebody has said where they belong since they were last looked at. */
  readonly movesHome = new Set<Shard>();

  constructor(options: ControllerOptions, parts: Pick<Controller, "nodes" | "shards" | "safekeepers" | "store">) {
    const { nodes, shards, safekeepers, store } = parts;
    this.options = options;
    this.log = options.log;
    this.nodes = nodes;
    this.shards = shards;
    this.safekeepers = safekeepers;
    this.store = store;
    this.api = new PageserverApi(options.jwtToken);
    this.hook = new ComputeHook({ url: options.computeHookUrl, token: options.controlPlaneToken, log: options.log });
    const { api, hook } = this;
    this.reconciler = new Reconciler({ ...options, nodes, shards, store, api, hook });
    this.operations = new NodeOperations(this);
    this.heartbeats = new Heartbeats({
      ...options,
      nodes,
      api: this.api,
      onActive: (node) => this.#catchUp(node),
      onOffline: (node) => this.#failOver(node),
    });
  }

  /** Asks all known nodes how they are and brings those that answer up to date; does not wait long for a silent one. */
  async start(): Promise<void> {
    const asked = Promise.all(this.nodes.all().map((node) => this.heartbeats.watch(node)));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([asked, new Promise((resolve) => (timer = setTimeout(resolve, STARTUP_RECONCILE_MS)))]);
    clearTimeout(timer);
    this.#isStarting = false;
    this.#tellComputes();
    this.#background = setInterval(() => this.#checkAll(), BACKGROUND_MS);
  }

  /** Whoever looks after computes may have missed what was said before, so all of it is said again. */
  #tellComputes(): void {
    for (const shard of this.shards.all().filter(({ record }) => record.shard_number === 0)) {
      this.reconciler
        .notify(shard)
        .catch((error: unknown) => this.log.info(`computes of ${shardText(shard.record)}: ${errorText(error)}`));
    }
  }

  /** Changes nothing any more: another instance has taken over. Resolves when all that goes on has ended. */
  async stepDown(): Promise<void> {
    await sleepAt("sleep-on-step-down-handling");
    this.leadership = "stepped_down";
    await this.stop();
    await Promise.all(this.shards.all().map((shard) => shard.idle));
    await this.store.close();
    this.log.info("stepped down");
  }

  async stop(): Promise<void> {
    clearInterval(this.#background);
    await Promise.all([this.heartbeats.stop(), this.operations.stop()]);
  }

  /** Schedules and reconciles what is not as it should be; resolves with how many shards that were. */
  async reconcileAll(): Promise<number> {
    const pending = this.shards.all().filter((shard) => this.#isBehind(shard));
    await Promise.all(pending.map((shard) => this.bringUpToDate(shard)));
    return pending.length > 0 ? pending.length : this.#bringHome();
  }

  /** Moves shards to the zone that they were told to prefer, when there is nothing else to do; how many that were. */
  async #bringHome(): Promise<number> {
    const moved = this.shards.all().filter((shard) => {
      const { record } = shard;
      if (!this.movesHome.delete(shard)) return false;
      if (record.scheduling_policy !== "Active" || record.splitting === true) return false;
      const target = homeOf(record, this.nodes, this.shards);
      if (target !== undefined) moveAttachment(record, target);
      return target !== undefined;
    });
    await Promise.all(moved.map((shard) => this.bringUpToDate(shard)));
    return moved.length;
  }

  /** Stores the records and reconciles these shards. Rejects with the first pageserver's error. */
  async apply(shards: Shard[]): Promise<void> {
    await this.store.save();
    const outcomes = await Promise.allSettled(shards.map((shard) => this.reconciler.reconcile(shard)));
    for (const outcome of outcomes) {
      // Whoever asked for the change need not wait for computes that cannot be told.
      if (outcome.status === "rejected" && !(outcome.reason instanceof NotificationPending)) throw outcome.reason;
    }
  }

  #isBehind(shard: Shard): boolean {
    const { attached, placement_policy, scheduling_policy } = shard.record;
    if (scheduling_policy === "Stop" || scheduling_policy === "Pause" || shard.record.splitting === true) return false;
    if (shard.pendingNotification) return true;
    return !this.reconciler.isInSync(shard) || (attached === null && typeof placement_policy === "object");
  }

  /** Schedules and reconciles the shard; what fails is tried again later. */
  async bringUpToDate(shard: Shard): Promise<void> {
    try {
      schedule(shard.record, this.nodes, this.shards);
      await this.apply([shard]);
    } catch (error) {
      shard.lastError = errorText(error);
      shard.retryAt = performance.now() + Math.min(MAX_RETRY_MS, BACKGROUND_MS * 2 ** shard.failures);
      this.log.info(`reconcile of ${shardText(shard.record)} is to be tried again: ${errorText(error)}`);
    }
  }

  /** What has fallen behind, by a failure or because a node was away, is tried again; less often after each failure. */
  #checkAll(): void {
    const now = performance.now();
    for (const shard of this.shards.all()) {
      if (shard.reconciling || shard.retryAt > now || !this.#isBehind(shard)) continue;
      shard.retryAt = now + BACKGROUND_MS;
      void this.bringUpToDate(shard);
    }
  }

  /** The shards of a node that is gone go to their copies, or to any other node. Without one they wait for its return. */
  async #failOver(node: PageserverNode): Promise<void> {
    const nodeId = node.record.id;
    const moved: Shard[] = [];
    for (const shard of this.shards.all()) {
      if (shard.observed.has(nodeId)) shard.observed.set(nodeId, undefined);
      if (!this.nodes.all().some(maySchedule) || !mayMove(shard)) continue;
      if (!demote(shard.record, nodeId)) continue;
      try {
        schedule(shard.record, this.nodes, this.shards);
        shard.sequence += 1;
        moved.push(shard);
      } catch (error) {
        this.log.info(`no place for ${shardText(shard.record)}: ${errorText(error)}`);
      }
    }
    this.log.info(`Launching ${moved.length} reconciles after node ${nodeId} went offline`);
    await this.store.save();
    await Promise.all(moved.map((shard) => this.bringUpToDate(shard)));
  }

  /** After an absence of the node or of ourselves: learns what the node has, then mends what differs. */
  async #catchUp(node: PageserverNode): Promise<void> {
    const nodeId = node.record.id;
    const before = new Map(this.shards.all().map((shard) => [shard, shard.sequence]));
    const has = await this.api.listLocations(node.record);
    if (this.#isStarting) await this.#detachUnknown(node, has);
    for (const [shard, sequence] of before) {
      if (shard.sequence !== sequence || shard.reconciling) continue;
      this.#observe(shard, nodeId, has);
    }
    await this.reconcileAll();
  }

  /** What is left of a split that was cut off, or of a tenant that was deleted while the node was away. */
  async #detachUnknown(node: PageserverNode, has: Map<string, LocationConfig | undefined>): Promise<void> {
    for (const [name, conf] of has) {
      if (this.shards.find(name) !== undefined || conf === undefined) continue;
      this.log.info(`Detaching unknown tenant shard ${name} on node ${node.record.id}`);
      await this.api.putLocation(node.record, `${name}/location_config`, {
        ...conf,
        mode: "Detached",
        generation: null,
      });
    }
  }

  #observe(shard: Shard, nodeId: number, has: Map<string, LocationConfig | undefined>): void {
    const name = shardText(shard.record);
    if (has.has(name)) shard.observed.set(nodeId, has.get(name));
    else shard.observed.delete(nodeId);
  }
}
