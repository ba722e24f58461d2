import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StorageControllerClient } from "../api";
import { pollUntil, Wait } from "../wait";
import type { PollAttempt } from "../wait";
import { copyTree, giveToNodes, makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import { movedInDatabase, movedInFile } from "./moved-nodes";
import type { NodeAddress } from "./moved-nodes";
import { NeonNode } from "./neon-node";
import { nodeClientOptions } from "./node-client";
import type { NodeClientOptions } from "./node-client";
import type { StartOptions, StopOptions } from "./neon-node";
import { StorageControllerDatabase } from "./storage-controller-database";

/** What neon_local's `[storage_controller]` section sets (neon-protocols §1.4); durations as `10s`. */
export interface StorageControllerConfig {
  maxOffline?: string;
  maxWarmingUp?: string;
  heartbeatInterval?: string;
  startAsCandidate?: boolean;
  splitThreshold?: number;
  maxSecondaryLagBytes?: number;
  longReconcileThreshold?: string;
  /** Default: the harness' own database, or the state file's place. */
  databaseUrl?: string;
  /** Told of every move of a tenant, so that somebody can reconfigure its computes. */
  computeHookUrl?: string;
}

export interface StorageControllerSettings {
  /** 1 for the only one; others are its peers, and share its database. */
  instanceId: number;
  ports: { http: number; database: number };
  /** Where everyone else reaches the controller that leads, if not at its own port. */
  proxyUrl?: string | undefined;
  config: StorageControllerConfig;
}

export class StorageController extends NeonNode {
  readonly name: string;
  readonly settings: StorageControllerSettings;
  /** For engines whose storage controller keeps its state in Postgres. */
  readonly database: StorageControllerDatabase | undefined;
  /** Log lines at WARN or ERROR that a test expects, besides those that every storage controller may write. */
  readonly allowedErrors: RegExp[] = [];
  #knowsPageservers = false;

  constructor(context: NodeContext, settings: StorageControllerSettings, shared?: StorageControllerDatabase) {
    super(context);
    this.settings = settings;
    this.name = settings.instanceId === 1 ? "storage_controller" : `storage_controller_${settings.instanceId}`;
    const inPostgres = context.engine.facts.storageControllerState === "postgres";
    this.database =
      shared ?? (inPostgres ? new StorageControllerDatabase(context, settings.ports.database) : undefined);
  }

  /** Another controller over the same state; when it starts as a candidate, it takes over from the one that leads. */
  newPeer(instanceId: number, httpPort: number, config: StorageControllerConfig = {}): StorageController {
    const ports = { ...this.settings.ports, http: httpPort };
    const settings = { ...this.settings, instanceId, ports, config: { ...this.settings.config, ...config } };
    return new StorageController(this.context, settings, this.database);
  }

  get workdir(): string {
    return join(this.context.repoDir, `storage_controller_${this.settings.instanceId}`);
  }

  get port(): number {
    return this.settings.ports.http;
  }

  get logPath(): string {
    return join(this.workdir, "storage_controller.log");
  }

  /** Where pageservers and clients reach the controller that leads. */
  get url(): string {
    return this.settings.proxyUrl ?? this.ownUrl;
  }

  /** Where this very controller listens. */
  get ownUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Its default token has the scope `admin`, which the controller takes for everything. */
  httpClient(given: NodeClientOptions & { direct?: boolean } = {}): StorageControllerClient {
    const options = nodeClientOptions(this.context, { binary: "storage_controller", scope: "admin" }, given);
    return new StorageControllerClient(this.name, given.direct === true ? this.ownUrl : this.url, options);
  }

  writeConfig(): void {
    makeNodeDirectory(this.context, this.workdir);
    // Where its state is a file, it stands here; a database makes the directory itself.
    if (this.database === undefined)
      makeNodeDirectory(this.context, join(this.context.repoDir, "storage_controller_db"));
  }

  /** Whether pageservers have registered with it, or with the one whose state it has: at its start it looks for them. */
  get knowsPageservers(): boolean {
    return this.#knowsPageservers;
  }

  /** Takes over the state of another controller, which is stopped and whose pageservers listen elsewhere now. */
  async adoptState(from: string, pageservers: readonly NodeAddress[]): Promise<void> {
    this.#knowsPageservers = true;
    if (this.database !== undefined) return this.database.adopt(from, movedInDatabase(pageservers));
    const dir = join(this.context.repoDir, "storage_controller_db");
    await copyTree(from, dir);
    giveToNodes(this.context, dir);
    const path = join(dir, "state.json");
    writeNodeFile(this.context, path, movedInFile(readFileSync(path, "utf8"), pageservers));
  }

  /** Starts its database, too, unless that still runs. */
  override async start(options: StartOptions = {}): Promise<void> {
    await this.database?.startFor(this);
    await super.start(options);
  }

  /** Stops its database after it, unless a peer still needs it. */
  override async stop(options: StopOptions = {}): Promise<void> {
    try {
      await super.stop(options);
    } finally {
      await this.database?.stopFor(this, options);
    }
  }

  /** Resolves when it takes requests, which it does before it is ready. */
  async waitUntilListening(budgetMs = 20_000): Promise<void> {
    await Wait.http(`${this.ownUrl}/status`).wait({ budgetMs, component: this.name });
  }

  /** Resolves when the controller's heartbeats have found every one of these pageservers. */
  async waitUntilActive(nodeIds: readonly number[], budgetMs = 20_000): Promise<void> {
    const client = this.httpClient();
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const nodes = await client.listNodes();
      observed(nodes.map((node) => `${node.id}: ${JSON.stringify(node.availability)}`).join(", ") || "no nodes");
      this.#knowsPageservers ||= nodes.length > 0;
      return nodeIds.every((id) => nodes.some((node) => node.id === id && isActive(node.availability)));
    };
    const name = `pageservers ${nodeIds.join(", ")} to become Active`;
    await pollUntil(name, probe, { budgetMs, component: this.name, logPath: this.logPath });
  }

  protected spawnSpec() {
    const { maxOffline = "10s", maxWarmingUp = "30s", heartbeatInterval = "100ms" } = this.settings.config;
    return {
      command: this.context.engine.binary("storage_controller"),
      args: [
        ...["-l", `127.0.0.1:${this.port}`, "--dev"],
        ...["--database-url", this.#databaseUrl()],
        ...["--max-offline-interval", maxOffline, "--max-warming-up-interval", maxWarmingUp],
        ...["--heartbeat-interval", heartbeatInterval, "--address-for-peers", `${this.ownUrl}/`],
        ...this.#authArguments(),
        ...this.#optionalArguments(),
        `--neon-local-repo-dir=${this.context.repoDir}`,
      ],
      cwd: this.workdir,
    };
  }

  #databaseUrl(): string {
    const { config, ports } = this.settings;
    return config.databaseUrl ?? this.database?.url ?? `postgresql://localhost:${ports.database}/storage_controller`;
  }

  /** Tokens for pageservers and for other controllers, and the key itself: the controller reads no file. */
  #authArguments(): string[] {
    const keys = this.context.authKeys;
    if (keys === undefined) return [];
    const tokens = [
      `--jwt-token=${keys.generateToken("pageserverapi")}`,
      `--peer-jwt-token=${keys.generateToken("admin")}`,
    ];
    return [...tokens, `--public-key=${keys.publicKeyPem}`];
  }

  #optionalArguments(): string[] {
    const { startAsCandidate, splitThreshold, maxSecondaryLagBytes, longReconcileThreshold, computeHookUrl } =
      this.settings.config;
    const given: [string, string | number | undefined][] = [
      ["--split-threshold", splitThreshold],
      ["--max-secondary-lag-bytes", maxSecondaryLagBytes],
      ["--long-reconcile-threshold", longReconcileThreshold],
      ["--compute-hook-url", computeHookUrl],
    ];
    const valued = given.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`]));
    return startAsCandidate === true ? ["--start-as-candidate", ...valued] : valued;
  }

  protected ports() {
    return [this.port];
  }

  protected readiness() {
    // A candidate is ready when it has taken over; one that isn't to take over answers, but leads nothing.
    return Wait.http(`${this.ownUrl}/ready`);
  }
}

function isActive(availability: unknown): boolean {
  if (typeof availability === "string") return availability === "Active";
  return typeof availability === "object" && availability !== null && "Active" in availability;
}
