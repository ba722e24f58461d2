import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { isHttpStatus, PageserverClient, unknownFailpoint } from "../api";
import { readLogTail } from "../process";
import { errnoOf, HarnessError, TenantShardId as Shards } from "../types";
import type { TenantId, TenantShardId, TimelineId } from "../types";
import { pollUntil, Wait } from "../wait";
import type { PollAttempt } from "../wait";
import { PgConnection } from "../wire";
import { makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import { NeonNode } from "./neon-node";
import type { StartOptions, StopOptions } from "./neon-node";
import { nodeClientOptions } from "./node-client";
import type { NodeClientOptions } from "./node-client";
import type { StorageController } from "./storage-controller";

export interface PageserverSettings {
  id: number;
  pgPort: number;
  httpPort: number;
  availabilityZone: string;
  /** The whole of pageserver.toml. */
  config: Record<string, unknown>;
  /** What it needs besides what all nodes have: the keys of its remote storage. */
  environment?: Readonly<Record<string, string>>;
}

export class Pageserver extends NeonNode {
  readonly name: string;
  readonly settings: PageserverSettings;
  /** Log lines at WARN or ERROR that a test expects, besides those that every pageserver may write. */
  readonly allowedErrors: RegExp[] = [];
  readonly #persistentFailpoints: string[] = [];
  readonly #storageController: StorageController;

  constructor(context: NodeContext, settings: PageserverSettings, storageController: StorageController) {
    super(context);
    this.settings = settings;
    this.name = `pageserver-${settings.id}`;
    this.#storageController = storageController;
  }

  get id(): number {
    return this.settings.id;
  }

  get workdir(): string {
    return join(this.context.repoDir, `pageserver_${this.id}`);
  }

  get logPath(): string {
    return join(this.workdir, "pageserver.log");
  }

  get pgPort(): number {
    return this.settings.pgPort;
  }

  /**
   * A failpoint that holds from the next start on, from its first moment, and at every later start; the teardown clears
   * it. Throws BAD_VALUE for a name that the pageserver doesn't have.
   */
  async addPersistentFailpoint(name: string, action: string): Promise<void> {
    if (!(await this.context.engine.contains("pageserver", name))) throw unknownFailpoint(this.name, name);
    this.#persistentFailpoints.push(`${name}=${action}`);
    this.context.failpointGuard?.record(this.httpClient(), name, action);
  }

  /** Stops and starts it; resolves when every tenant that is attached here is Active, or Broken. */
  override async restart(options: StopOptions & StartOptions & { awaitTenants?: boolean } = {}): Promise<void> {
    await super.restart(options);
    if (options.awaitTenants !== false) await this.waitForTenants();
  }

  /** Resolves when no tenant is on its way any more. */
  async waitForTenants(budgetMs = 20_000): Promise<void> {
    const client = this.httpClient();
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const tenants = await client.listTenants();
      observed(tenants.map(({ id, state }) => `${id}: ${state.slug}`).join(", ") || "no tenants");
      return tenants.every(({ state }) => state.slug === "Active" || state.slug === "Broken");
    };
    const options = { budgetMs, component: this.name, logPath: this.logPath };
    await pollUntil("all tenants to become Active", probe, options);
  }

  get configTomlPath(): string {
    return join(this.workdir, "pageserver.toml");
  }

  /** Changes pageserver.toml; it holds from the next start on. */
  editConfigToml(edit: (config: Record<string, unknown>) => void): void {
    const config: Record<string, unknown> = parse(readFileSync(this.configTomlPath, "utf8"));
    edit(config);
    writeNodeFile(this.context, this.configTomlPath, stringify(config));
  }

  tenantDir(id: TenantId | TenantShardId): string {
    return join(this.workdir, "tenants", typeof id === "string" ? id : Shards.format(id));
  }

  timelineDir(id: TenantId | TenantShardId, timelineId: TimelineId): string {
    return join(this.tenantDir(id), "timelines", timelineId);
  }

  /** Its default token is good for everything but the calls of other services. */
  httpClient(given: NodeClientOptions = {}): PageserverClient {
    const options = nodeClientOptions(this.context, { binary: "pageserver", scope: "pageserverapi" }, given);
    return new PageserverClient(this.name, `http://127.0.0.1:${this.settings.httpPort}`, options);
  }

  /** A session of the page service. Its errors are PgError. */
  connect(given: NodeClientOptions = {}): Promise<PgConnection> {
    const password =
      given.authToken === undefined ? this.context.authKeys?.generateToken("pageserverapi") : given.authToken;
    const who = password === undefined || password === null ? {} : { password };
    return PgConnection.connect({ host: "127.0.0.1", port: this.pgPort, ...who });
  }

  /** Attaches the tenant here, by default with the generation that the storage controller gives. */
  async tenantAttach(
    tenantId: TenantId,
    config: Record<string, unknown> = {},
    options: NodeClientOptions & { generation?: number } = {},
  ): Promise<void> {
    const shard: TenantShardId = Shards.unsharded(tenantId);
    const generation = options.generation ?? (await this.#storageController.httpClient().attachHook(shard, this.id));
    const location = { mode: "AttachedSingle", generation, tenant_conf: config } as const;
    await this.httpClient(options).locationConfig(tenantId, location);
  }

  /** Detaches the tenant, first at the storage controller, then here. `budgetMs` bounds the pageserver's part. */
  async tenantDetach(tenantId: TenantId, options: { budgetMs?: number } = {}): Promise<void> {
    await this.#storageController.httpClient().attachHook(Shards.unsharded(tenantId), null);
    const budgetMs = options.budgetMs ?? 30_000;
    try {
      await this.httpClient().detachTenant(tenantId, { timeoutMs: budgetMs });
    } catch (error) {
      throw isTimeout(error) ? await this.#detachHangs(tenantId, budgetMs, error) : error;
    }
  }

  async #detachHangs(tenantId: TenantId, budgetMs: number, cause: unknown): Promise<HarnessError> {
    return new HarnessError("WAIT_TIMEOUT", {
      summary: `${this.name} did not let go of tenant ${tenantId}; phase: detach`,
      expected: `the detach to be done within ${budgetMs} ms`,
      found: "no answer yet",
      todo: "see what the tenant was waiting for in the end of its log",
      facts: { component: this.name, phase: "detach", budgetMs, tenantId },
      logPath: this.logPath,
      logTail: await readLogTail(this.logPath),
      cause,
    });
  }

  /** pageserver.toml, identity.toml and metadata.json, as neon_local writes them (neon-protocols §1.4). */
  writeConfig(): void {
    makeNodeDirectory(this.context, this.workdir);
    const { id, pgPort, httpPort, availabilityZone } = this.settings;
    writeNodeFile(this.context, join(this.workdir, "pageserver.toml"), stringify(this.settings.config));
    writeNodeFile(this.context, join(this.workdir, "identity.toml"), `id=${id}\n`);
    const metadata = {
      host: "127.0.0.1",
      port: pgPort,
      http_host: "127.0.0.1",
      http_port: httpPort,
      availability_zone_id: availabilityZone,
    };
    writeNodeFile(this.context, join(this.workdir, "metadata.json"), JSON.stringify(metadata));
  }

  protected spawnSpec() {
    // It is the token for safekeepers, but neon_local ties it to the pageserver's own kind of authentication.
    const token = asksForTokens(this.settings.config)
      ? this.context.authKeys?.generateToken("safekeeperdata")
      : undefined;
    return {
      command: this.context.engine.binary("pageserver"),
      args: ["-D", this.workdir],
      cwd: this.workdir,
      env: {
        ...this.settings.environment,
        ...(token === undefined ? {} : { NEON_AUTH_TOKEN: token }),
        ...(this.#persistentFailpoints.length === 0 ? {} : { FAILPOINTS: this.#persistentFailpoints.join(";") }),
      },
    };
  }

  protected ports() {
    return [this.settings.pgPort, this.settings.httpPort];
  }

  protected readiness() {
    return Wait.http(`http://127.0.0.1:${this.settings.httpPort}/v1/status`);
  }
}

const asksForTokens = (config: Record<string, unknown>): boolean => config["http_auth_type"] === "NeonJWT";

/** No answer came, and the connection was neither refused nor lost: the budget was over. */
function isTimeout(error: unknown): boolean {
  return HarnessError.is(error, "HTTP_ERROR") && !isHttpStatus(error) && errnoOf(error.cause) === undefined;
}
