import { join } from "node:path";
import type { AuthKeys } from "../auth";
import type { Engine } from "../engine";
import { PgBin, ProposerPostgres, StorageScrubber } from "../nodes";
import type { ControllerProxy, NeonNode, NodeContext, Pageserver, Safekeeper } from "../nodes";
import type { StorageBroker, StorageController } from "../nodes";
import type { NetworkProxy } from "../faults";
import type { RemoteStorage, StorageUser } from "../storage";
import { HarnessError, TenantShardId } from "../types";
import type { PgVersion, TenantId, TimelineId } from "../types";
import type { ComputeHook } from "./compute-hook";
import { EndpointFactory } from "./endpoint-factory";
import type { Branch } from "./branches";
import type { EnvGround } from "./neon-env-builder";
import type { NeonEnvSettings } from "./settings";

export interface NeonEnvParts extends EnvGround {
  context: NodeContext;
  settings: NeonEnvSettings;
  broker: StorageBroker;
  storageController: StorageController;
  storageControllerProxy: ControllerProxy | undefined;
  pageservers: readonly Pageserver[];
  safekeepers: readonly Safekeeper[];
  computeHook: ComputeHook;
  /** That of the pageservers. */
  storage: RemoteStorage;
  /** That of the safekeepers, where they have one. */
  walStorage: RemoteStorage | undefined;
  remoteStorageProxy: NetworkProxy | undefined;
  authKeys: AuthKeys;
}

/** A shard of a tenant, and where it is attached. */
export interface AttachedShard {
  shard: TenantShardId;
  pageserver: Pageserver;
}

/** What an environment consists of, and who is who. */
export abstract class EnvNodes {
  readonly endpoints: EndpointFactory;
  protected readonly parts: NeonEnvParts;
  readonly #controllers: StorageController[];
  readonly #proposers: ProposerPostgres[] = [];
  #scrubber: StorageScrubber | undefined;

  constructor(parts: NeonEnvParts) {
    this.parts = parts;
    this.#controllers = [parts.storageController];
    this.endpoints = new EndpointFactory({
      context: parts.context,
      ports: parts.ports,
      pgVersion: parts.pgVersion,
      safekeepers: parts.safekeepers,
      storageController: parts.storageController,
      branch: (name, tenantId) => this.branch(name, tenantId),
      pageserver: (id) => this.getPageserver(id),
    });
    parts.computeHook.onMove = (tenantId) => this.endpoints.follow(tenantId);
  }

  abstract branch(name: string, tenantId?: TenantId): Branch;

  get engine(): Engine {
    return this.parts.engine;
  }

  get pgVersion(): PgVersion {
    return this.parts.pgVersion;
  }

  get repoDir(): string {
    return this.parts.context.repoDir;
  }

  get broker(): StorageBroker {
    return this.parts.broker;
  }

  /** The first one; its client reaches the one that leads, where a proxy stands before them. */
  get storageController(): StorageController {
    return this.parts.storageController;
  }

  /** The first one and the peers that `newStorageController` made. */
  get storageControllers(): readonly StorageController[] {
    return this.#controllers;
  }

  /** Throws MISUSE unless the setting `storageControllerProxy` is on. */
  get storageControllerProxy(): ControllerProxy {
    const proxy = this.parts.storageControllerProxy;
    if (proxy !== undefined) return proxy;
    throw new HarnessError("MISUSE", {
      summary: "this environment has no proxy before its storage controller",
      todo: "say storageControllerProxy: true before initStart()",
    });
  }

  /** What the storage controller has told of tenants' moves, and who else wants to know. */
  get computeHook(): ComputeHook {
    return this.parts.computeHook;
  }

  get pageservers(): readonly Pageserver[] {
    return this.parts.pageservers;
  }

  get safekeepers(): readonly Safekeeper[] {
    return this.parts.safekeepers;
  }

  get pageserverRemoteStorage(): RemoteStorage {
    return this.parts.storage;
  }

  /** Throws MISUSE unless the builder was told `enableSafekeeperRemoteStorage()`. */
  get safekeepersRemoteStorage(): RemoteStorage {
    if (this.parts.walStorage !== undefined) return this.parts.walStorage;
    throw new HarnessError("MISUSE", {
      summary: "the safekeepers of this environment have no remote storage",
      todo: "call enableSafekeeperRemoteStorage() before initStart()",
    });
  }

  /** The network between the nodes and S3; throws MISUSE unless the setting `remoteStorageProxy` is on. */
  get remoteStorageProxy(): NetworkProxy {
    const proxy = this.parts.remoteStorageProxy;
    if (proxy !== undefined) return proxy;
    throw new HarnessError("MISUSE", {
      summary: "this environment has no proxy before its remote storage",
      todo: "say remoteStorageProxy: true before initStart()",
    });
  }

  /** Those that there are, by whose they are. */
  get remoteStorages(): readonly (readonly [StorageUser, RemoteStorage])[] {
    const { storage, walStorage } = this.parts;
    return [["pageserver", storage], ...(walStorage === undefined ? [] : [["safekeeper", walStorage] as const])];
  }

  /** Looks through the pageservers' bucket; one per environment, for what its test allows. */
  get storageScrubber(): StorageScrubber {
    const { context, storage } = this.parts;
    this.#scrubber ??= new StorageScrubber(context, storage, this.storageController.url);
    return this.#scrubber;
  }

  get initialTenant(): TenantId {
    return this.parts.settings.initialTenant;
  }

  get initialTimeline(): TimelineId {
    return this.parts.settings.initialTimeline;
  }

  /** They are there also where no node asks for a token. */
  get authKeys(): AuthKeys {
    return this.parts.authKeys;
  }

  /**
   * New keys, whose files stand at these paths below the repo; clients that are made from now on have tokens of theirs.
   * Nodes know them when they read their key again.
   */
  regenerateKeysAt(privateKeyPath: string, publicKeyPath: string): void {
    const [privateKey, publicKey] = [join(this.repoDir, privateKeyPath), join(this.repoDir, publicKeyPath)];
    this.authKeys.regenerate({ privateKey, publicKey });
  }

  /** A peer of the storage controller that starts as a candidate: it takes over when it starts. Not started yet. */
  async newStorageController(): Promise<StorageController> {
    const instanceId = this.#controllers.length + 1;
    const peer = this.storageController.newPeer(instanceId, await this.parts.ports.next(), { startAsCandidate: true });
    peer.writeConfig();
    this.#controllers.push(peer);
    return peer;
  }

  /** The only pageserver; throws MISUSE when there are several. */
  get pageserver(): Pageserver {
    const [only, ...others] = this.pageservers;
    if (only !== undefined && others.length === 0) return only;
    throw new HarnessError("MISUSE", {
      summary: "env.pageserver stands for the only pageserver",
      expected: "one pageserver",
      found: `${this.pageservers.length}`,
      todo: "choose one with getPageserver(id), or of env.pageservers",
    });
  }

  /** Throws MISUSE where there is no pageserver of this id. */
  getPageserver(id: number): Pageserver {
    const found = this.pageservers.find((pageserver) => pageserver.id === id);
    if (found !== undefined) return found;
    throw new HarnessError("MISUSE", {
      summary: `there is no pageserver ${id}`,
      expected: `one of ${this.pageservers.map((pageserver) => pageserver.id).join(", ")}`,
      found: String(id),
    });
  }

  /** Where the storage controller has attached this tenant, or this shard; undefined where it is nowhere. */
  async getTenantPageserver(id: TenantId | TenantShardId): Promise<Pageserver | undefined> {
    const shard = typeof id === "string" ? TenantShardId.unsharded(id) : id;
    const attachment = await this.storageController.httpClient().inspect(shard);
    return attachment === undefined ? undefined : this.getPageserver(attachment.nodeId);
  }

  /** Every shard of a tenant with the pageserver that has it; an unsharded tenant is one. */
  async tenantShards(tenantId: TenantId): Promise<AttachedShard[]> {
    const { shards } = await this.storageController.httpClient().locate(tenantId);
    return shards.map((each) => ({
      shard: TenantShardId.parse(each.shard_id),
      pageserver: this.getPageserver(each.node_id),
    }));
  }

  /** `host:port` of every safekeeper, as the setting neon.safekeepers wants them. */
  getSafekeeperConnstrs(): string {
    return this.safekeepers.map((sk) => `127.0.0.1:${sk.settings.pgPort}`).join(",");
  }

  /** A Postgres that talks to the safekeepers alone, for a timeline of its own or an existing one. */
  async newProposer(timeline: { tenantId: TenantId; timelineId: TimelineId }): Promise<ProposerPostgres> {
    const { context, pgVersion, ports, safekeepers } = this.parts;
    const pgdata = join(this.repoDir, `proposer_pgdata_${timeline.timelineId}`);
    const pgBin = new PgBin(context, pgVersion);
    const proposer = new ProposerPostgres(context, {
      ...timeline,
      pgdata,
      port: await ports.next(),
      pgBin,
      safekeepers,
    });
    this.#proposers.push(proposer);
    return proposer;
  }

  protected get proposers(): readonly ProposerPostgres[] {
    return this.#proposers;
  }

  /** The nodes as neon_local's `config` names them; pageservers stand in directories of their own. */
  protected describeNodes(): Record<string, unknown> {
    const { neonBin, pgDistribDir } = this.engine.facts;
    const authEnabled = this.parts.settings.authEnabled;
    return {
      pg_distrib_dir: pgDistribDir,
      neon_distrib_dir: neonBin,
      private_key_path: "auth_private_key.pem",
      control_plane_api: `${this.storageController.url}/upcall/v1`,
      broker: { listen_addr: `127.0.0.1:${this.broker.port}` },
      safekeepers: this.safekeepers.map(({ id, settings }) => ({
        ...{ id, pg_port: settings.pgPort, pg_tenant_only_port: settings.pgTenantOnlyPort },
        ...{ http_port: settings.httpPort, sync: settings.fsync, auth_enabled: authEnabled },
      })),
    };
  }

  protected storageNodes(): NeonNode[] {
    return [...this.#controllers, this.broker, ...this.safekeepers, ...this.pageservers];
  }
}
