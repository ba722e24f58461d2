import { join } from "node:path";
import type { AuthKeys } from "../auth";
import type { Engine } from "../engine";
import { NeonNode } from "../nodes";
import type { Endpoint, NodeContext, Pageserver, Safekeeper, StorageBroker, StorageController } from "../nodes";
import type { RemoteStorage } from "../storage";
import { HarnessError, Lsn, TenantId, TimelineId } from "../types";
import type { PgVersion } from "../types";
import { Wait } from "../wait";
import { checkLogs, checkRunning } from "../checks";
import type { ComputeHook } from "./compute-hook";
import { EndpointFactory } from "./endpoint-factory";
import { InitdbArchive } from "./initdb-archive";
import type { EnvGround } from "./neon-env-builder";
import { settleAll, throwAll } from "./settle";
import type { NeonEnvSettings } from "./settings";

export interface NeonEnvParts extends EnvGround {
  context: NodeContext;
  settings: NeonEnvSettings;
  broker: StorageBroker;
  storageController: StorageController;
  pageservers: readonly Pageserver[];
  safekeepers: readonly Safekeeper[];
  computeHook: ComputeHook;
  storage: RemoteStorage;
  authKeys: AuthKeys;
}

export interface Branch {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/** A configured Neon of one test's own. */
export class NeonEnv implements AsyncDisposable {
  readonly endpoints: EndpointFactory;
  readonly #parts: NeonEnvParts;
  readonly #branches = new Map<string, Branch>();

  constructor(parts: NeonEnvParts) {
    this.#parts = parts;
    this.endpoints = new EndpointFactory({
      context: parts.context,
      ports: parts.ports,
      pgVersion: parts.pgVersion,
      safekeepers: parts.safekeepers,
      storageController: parts.storageController,
      branch: (name, tenantId) => this.branch(name, tenantId),
    });
  }

  get engine(): Engine {
    return this.#parts.engine;
  }

  get pgVersion(): PgVersion {
    return this.#parts.pgVersion;
  }

  get repoDir(): string {
    return this.#parts.context.repoDir;
  }

  get broker(): StorageBroker {
    return this.#parts.broker;
  }

  get storageController(): StorageController {
    return this.#parts.storageController;
  }

  get pageservers(): readonly Pageserver[] {
    return this.#parts.pageservers;
  }

  get safekeepers(): readonly Safekeeper[] {
    return this.#parts.safekeepers;
  }

  get pageserverRemoteStorage(): RemoteStorage {
    return this.#parts.storage;
  }

  /** They are there also where no node asks for a token. */
  get authKeys(): AuthKeys {
    return this.#parts.authKeys;
  }

  /**
   * New keys, whose files stand at these paths below the repo; clients that are made from now on have tokens of theirs.
   * Nodes know them when they read their key again.
   */
  regenerateKeysAt(privateKeyPath: string, publicKeyPath: string): void {
    const [privateKey, publicKey] = [join(this.repoDir, privateKeyPath), join(this.repoDir, publicKeyPath)];
    this.authKeys.regenerate({ privateKey, publicKey });
  }

  get initialTenant(): TenantId {
    return this.#parts.settings.initialTenant;
  }

  get initialTimeline(): TimelineId {
    return this.#parts.settings.initialTimeline;
  }

  /** The only pageserver; throws MISUSE when there are several. */
  get pageserver(): Pageserver {
    const [only, ...others] = this.pageservers;
    if (only !== undefined && others.length === 0) return only;
    throw new HarnessError("MISUSE", {
      summary: "env.pageserver stands for the only pageserver",
      expected: "one pageserver",
      found: `${this.pageservers.length}`,
      todo: "choose one of env.pageservers",
    });
  }

  /** Starts all storage nodes in parallel; resolves when each is ready and the controller sees the pageservers. */
  async start(): Promise<void> {
    await this.#parts.computeHook.listen();
    await settleAll("start", this.#storageNodes(), this.#startInOrder());
    await this.storageController.waitUntilActive(this.pageservers.map((ps) => ps.id));
  }

  /** Everything at once, but for pageservers that would take a second to try again to reach the controller. */
  #startInOrder(): (node: NeonNode) => Promise<void> {
    const controllerReady = this.storageController.start();
    const first = this.engine.facts.pageserversNeedController ? controllerReady : Promise.resolve();
    const pageservers = new Set<NeonNode>(this.pageservers);
    return async (node) => {
      if (node === this.storageController) return controllerReady;
      if (pageservers.has(node)) await first;
      await node.start();
    };
  }

  /**
   * Stops computes first, then all storage nodes in parallel, and reports every failure. With `immediate` nothing is
   * flushed or uploaded. The environment can be started again.
   */
  async stop(options: { immediate?: boolean } = {}): Promise<void> {
    const failures: unknown[] = [];
    const keep = (error: unknown): void => void failures.push(error);
    await this.endpoints.stopAll(options).catch(keep);
    await settleAll("stop", this.#storageNodes(), (node) => node.stop(options)).catch(keep);
    throwAll("stop the environment", failures);
  }

  /**
   * The end of a test: checks what must hold while the nodes run, stops everything, checks the logs, kills what is
   * left, and reports every failure. `passed: false` leaves the checks out, for the test's own error says more.
   */
  async tearDown(options: { passed: boolean }): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (step: () => Promise<void> | void): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    };
    if (options.passed) await attempt(() => checkRunning(this));
    // Nobody will ask the computes for anything more; what they have written is with the safekeepers.
    await attempt(() => this.endpoints.stopAll({ immediate: true }));
    await attempt(() => this.stop({ immediate: !options.passed }));
    if (options.passed) await attempt(() => checkLogs(this));
    await attempt(() => this.discard());
    throwAll("tear down the environment", failures);
  }

  /** Kills what is left and frees what stands outside of the test's directory. */
  async discard(): Promise<void> {
    const { database } = this.storageController;
    const nodes = [...this.endpoints.all, ...this.#storageNodes(), ...(database === undefined ? [] : [database])];
    try {
      await NeonNode.killAtOnce(nodes);
      await settleAll("kill", nodes, (node) => node.kill9());
    } finally {
      await this.#parts.computeHook.close();
      database?.removeData();
      this.endpoints.removeData();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.discard();
  }

  #storageNodes(): NeonNode[] {
    return [this.storageController, this.broker, ...this.safekeepers, ...this.pageservers];
  }

  async createInitialTenant(): Promise<void> {
    const { initialTenant, initialTimeline, initialTenantConfig } = this.#parts.settings;
    await this.createTenant({ tenantId: initialTenant, timelineId: initialTimeline, config: initialTenantConfig });
  }

  /** A tenant with a first timeline, branch `main`. */
  async createTenant(
    options: { tenantId?: TenantId; timelineId?: TimelineId; config?: Record<string, unknown> } = {},
  ): Promise<Branch> {
    const tenantId = options.tenantId ?? TenantId.generate();
    await this.storageController.httpClient().createTenant({ tenantId, config: options.config ?? {} });
    const timelineId = await this.createTimeline("main", { tenantId, ...pick("timelineId", options.timelineId) });
    return { tenantId, timelineId };
  }

  /** An empty timeline, made by initdb, that `name` stands for from now on. */
  async createTimeline(
    name: string,
    options: { tenantId?: TenantId; timelineId?: TimelineId } = {},
  ): Promise<TimelineId> {
    const tenantId = options.tenantId ?? this.initialTenant;
    const timelineId = options.timelineId ?? TimelineId.generate();
    const archive = this.#initdbArchive();
    const source = archive?.offer(tenantId, timelineId) === true ? { existing_initdb_timeline_id: timelineId } : {};
    const body = { new_timeline_id: timelineId, pg_version: this.pgVersion, ...source };
    await this.storageController.httpClient().createTimeline(tenantId, body);
    archive?.keep(tenantId, timelineId);
    this.#remember(name, { tenantId, timelineId });
    return timelineId;
  }

  #initdbArchive(): InitdbArchive | undefined {
    const { context, settings, storage } = this.#parts;
    const usable = this.engine.facts.takesInitdbArchive && settings.initdbFromArchive;
    return usable ? new InitdbArchive(context, storage, this.pgVersion) : undefined;
  }

  /** A branch of `from` (default `main`), at `lsn` or at its head as the pageserver knows it. */
  async createBranch(
    name: string,
    options: { from?: string; lsn?: Lsn; tenantId?: TenantId; timelineId?: TimelineId } = {},
  ): Promise<TimelineId> {
    const ancestor = this.branch(options.from ?? "main", options.tenantId);
    const timelineId = options.timelineId ?? TimelineId.generate();
    await this.storageController.httpClient().createTimeline(ancestor.tenantId, {
      new_timeline_id: timelineId,
      ancestor_timeline_id: ancestor.timelineId,
      ...(options.lsn === undefined ? {} : { ancestor_start_lsn: Lsn.format(options.lsn) }),
    });
    this.#remember(name, { tenantId: ancestor.tenantId, timelineId });
    return timelineId;
  }

  /** Resolves when the pageserver has received all that this compute has written so far; returns that LSN. */
  async waitForLastFlushLsn(
    endpoint: Endpoint,
    options: { pageserver?: Pageserver; budgetMs?: number } = {},
  ): Promise<Lsn> {
    const lsn = await endpoint.flushLsn();
    const { tenantId, timelineId } = endpoint.settings;
    const pageserver = options.pageserver ?? this.pageserver;
    const client = pageserver.httpClient();
    const readiness = Wait.lsn("last_record_lsn", () => client.lastRecordLsn(tenantId, timelineId), lsn);
    await readiness.wait({ budgetMs: options.budgetMs ?? 20_000, component: pageserver.name });
    return lsn;
  }

  /** What a branch name stands for in a tenant (default: the initial one). */
  branch(name: string, tenantId: TenantId = this.initialTenant): Branch {
    const found = this.#branches.get(`${tenantId}/${name}`);
    if (found !== undefined) return found;
    const known = [...this.#branches.keys()].map((key) => key.split("/")[1]);
    throw new HarnessError("MISUSE", {
      summary: `there is no branch ${name} in tenant ${tenantId}`,
      expected: known.length === 0 ? "createTenant() or initStart() first" : `one of ${known.join(", ")}`,
      found: name,
    });
  }

  #remember(name: string, branch: Branch): void {
    this.#branches.set(`${branch.tenantId}/${name}`, branch);
  }
}

function pick<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
