import { join } from "node:path";
import { StorageControllerClient } from "../api";
import { pollUntil, Wait } from "../wait";
import type { PollAttempt } from "../wait";
import { makeNodeDirectory } from "./context";
import type { NodeContext } from "./context";
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
  /** Told of every move of a tenant, so that somebody can reconfigure its computes. */
  computeHookUrl?: string;
}

export class StorageController extends NeonNode {
  readonly name = "storage_controller";
  readonly port: number;
  /** For engines whose storage controller keeps its state in Postgres. */
  readonly database: StorageControllerDatabase | undefined;
  readonly config: StorageControllerConfig;
  /** Log lines at WARN or ERROR that a test expects, besides those that every storage controller may write. */
  readonly allowedErrors: RegExp[] = [];

  readonly #databasePort: number;

  constructor(context: NodeContext, ports: { http: number; database: number }, config: StorageControllerConfig) {
    super(context);
    this.port = ports.http;
    this.#databasePort = ports.database;
    this.config = config;
    const inPostgres = context.engine.facts.storageControllerState === "postgres";
    this.database = inPostgres ? new StorageControllerDatabase(context, ports.database) : undefined;
  }

  get workdir(): string {
    return join(this.context.repoDir, "storage_controller_1");
  }

  get logPath(): string {
    return join(this.workdir, "storage_controller.log");
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Its default token has the scope `admin`, which the controller takes for everything. */
  httpClient(given: NodeClientOptions = {}): StorageControllerClient {
    const options = nodeClientOptions(this.context, { binary: "storage_controller", scope: "admin" }, given);
    return new StorageControllerClient(this.name, this.url, options);
  }

  writeConfig(): void {
    makeNodeDirectory(this.context, this.workdir);
    // Where its state is a file, it stands here; a database makes the directory itself.
    if (this.database === undefined)
      makeNodeDirectory(this.context, join(this.context.repoDir, "storage_controller_db"));
  }

  /** Starts its database, too, unless that still runs. */
  override async start(options: StartOptions = {}): Promise<void> {
    if (this.database?.isRunning() === false) await this.database.start();
    await super.start(options);
  }

  /** Stops its database after it. */
  override async stop(options: StopOptions = {}): Promise<void> {
    try {
      await super.stop(options);
    } finally {
      await this.database?.stop(options);
    }
  }

  /** Resolves when the controller's heartbeats have found every one of these pageservers. */
  async waitUntilActive(nodeIds: readonly number[], budgetMs = 20_000): Promise<void> {
    const client = this.httpClient();
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const nodes = await client.listNodes();
      observed(nodes.map((node) => `${node.id}: ${JSON.stringify(node.availability)}`).join(", ") || "no nodes");
      return nodeIds.every((id) => nodes.some((node) => node.id === id && isActive(node.availability)));
    };
    const name = `pageservers ${nodeIds.join(", ")} to become Active`;
    await pollUntil(name, probe, { budgetMs, component: this.name, logPath: this.logPath });
  }

  protected spawnSpec() {
    const { maxOffline = "10s", maxWarmingUp = "30s", heartbeatInterval = "100ms" } = this.config;
    return {
      command: this.context.engine.binary("storage_controller"),
      args: [
        ...["-l", `127.0.0.1:${this.port}`, "--dev"],
        ...["--database-url", this.#databaseUrl()],
        ...["--max-offline-interval", maxOffline, "--max-warming-up-interval", maxWarmingUp],
        ...["--heartbeat-interval", heartbeatInterval, "--address-for-peers", `${this.url}/`],
        ...this.#authArguments(),
        ...this.#optionalArguments(),
        `--neon-local-repo-dir=${this.context.repoDir}`,
      ],
      cwd: this.workdir,
    };
  }

  #databaseUrl(): string {
    return this.database?.url ?? `postgresql://localhost:${this.#databasePort}/storage_controller`;
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
      this.config;
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
    return Wait.http(`${this.url}/ready`);
  }
}

function isActive(availability: unknown): boolean {
  if (typeof availability === "string") return availability === "Active";
  return typeof availability === "object" && availability !== null && "Active" in availability;
}
