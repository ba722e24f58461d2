import { type TenantId, TenantShardId } from "../../../types";
import { ApiError, badRequest, notFound, pause, unavailable } from "../../service";
import type { LocationConf } from "../config/location-conf";
import { generationSuffix } from "../layers/layer-name";
import { remoteTenantPrefix } from "../remote/paths";
import { Maintenance } from "./maintenance";
import { stats } from "../stats";
import type { PageserverNode } from "./node";
import { Tenant } from "./tenant";
import { shardsInRemoteStorage } from "./scan-remote-storage";
import { WarmCopies } from "./warm-copies";

/** How long a change of location waits for what was received to be uploaded. */
const DEFAULT_FLUSH_MS = 10_000;
/** How long clients wait for a tenant that is being attached. */
const ATTACH_WAIT_MS = 30_000;

/** The tenant shards on this node. Changes of one shard's location happen one after the other. */
export class TenantManager {
  readonly node: PageserverNode;
  readonly maintenance = new Maintenance(() => this.all());
  readonly warmCopies = new WarmCopies(() => this.all());
  readonly #tenants = new Map<string, Tenant>();
  readonly #turns = new Map<string, Promise<unknown>>();
  #shuttingDown = false;

  constructor(node: PageserverNode) {
    this.node = node;
  }

  all(): Tenant[] {
    return [...this.#tenants.values()];
  }

  find(key: string): Tenant | undefined {
    return this.#tenants.get(key);
  }

  /** Resolves when no shard of the tenant is about to be attached here, after 30 s, or with the signal: for clients. */
  async whileAttaching(tenantId: TenantId, signal: AbortSignal): Promise<void> {
    const attaching = this.all().filter(({ id, state }) => id.tenantId === tenantId && state === "Attaching");
    if (attaching.length === 0) return;
    const ended = new AbortController();
    const late = pause(ATTACH_WAIT_MS, AbortSignal.any([signal, ended.signal]));
    const turns = attaching.flatMap(({ id }) => this.#turns.get(TenantShardId.format(id)) ?? []);
    await Promise.race([late, Promise.all(turns)]);
    ended.abort();
  }

  /** The attached tenant; 404 when it is not here, 503 while it cannot be used. */
  attached(key: string): Tenant {
    const tenant = this.#tenants.get(key);
    if (tenant?.isAttached !== true) throw notFound(`tenant ${key}`);
    if (tenant.state === "Broken") throw new ApiError(500, `tenant ${key} is broken: ${tenant.brokenReason}`);
    if (tenant.state !== "Active") throw unavailable(`tenant ${key} is not active: ${tenant.state}`);
    return tenant;
  }

  /** Brings a shard to a location: attached in a generation, or secondary. 400 when the generation goes back. */
  setLocation(id: TenantShardId, conf: LocationConf, options: { flush: boolean; flushMs?: number }): Promise<void> {
    return this.#inTurn(TenantShardId.format(id), async (key) => {
      const present = this.#tenants.get(key);
      const older = present?.conf.generation;
      if (conf.generation !== undefined && older !== undefined && conf.generation < older) {
        throw badRequest(
          `Generation ${generationSuffix(conf.generation)} is less than existing ${generationSuffix(older)}`,
        );
      }
      if (present !== undefined && older === conf.generation && present.state !== "Broken") {
        await present.setConf(conf);
        if (options.flush && present.isAttached) await present.flush(options.flushMs ?? DEFAULT_FLUSH_MS);
        return;
      }
      if (present !== undefined) await present.shutdown({ flush: options.flush && present.state === "Active" });
      const tenant = new Tenant(this.node, id, conf);
      this.#tenants.set(key, tenant);
      await tenant.setConf(conf);
      if (tenant.isAttached) await tenant.attach();
      else tenant.state = "Active";
    });
  }

  /** Shuts an attached shard down and loads it again from remote storage. */
  reload(id: TenantShardId): Promise<void> {
    return this.#inTurn(TenantShardId.format(id), async (key) => {
      const present = this.#tenants.get(key);
      if (present?.isAttached !== true) throw notFound(`tenant ${key}`);
      await present.shutdown({ flush: true });
      const tenant = new Tenant(this.node, id, present.conf);
      this.#tenants.set(key, tenant);
      await tenant.attach();
    });
  }

  /** Lets go of a shard and removes its local files; nothing happens when it is not here. */
  detach(id: TenantShardId): Promise<void> {
    return this.#inTurn(TenantShardId.format(id), (key) => this.#remove(key));
  }

  /** Removes a shard from this node and from remote storage; an unsharded tenant there with all shards, old ones too. */
  delete(id: TenantShardId): Promise<void> {
    return this.#inTurn(TenantShardId.format(id), async (key) => {
      await this.#remove(key);
      const shards = id.shardCount === 0 ? await shardsInRemoteStorage(this.node.remote, id.tenantId) : [key];
      await Promise.all(shards.map((shard) => this.node.remote.removePrefix(remoteTenantPrefix(shard))));
    });
  }

  /** Ends all tenants: their clients at once, then what was received is made durable. Files stay. */
  async shutdown(): Promise<void> {
    this.#shuttingDown = true;
    this.maintenance.stop();
    this.warmCopies.stop();
    await Promise.all(this.all().map((tenant) => tenant.shutdown({ flush: true })));
  }

  async #remove(key: string): Promise<void> {
    const tenant = this.#tenants.get(key);
    if (tenant === undefined) return;
    await tenant.shutdown({ flush: false });
    await tenant.removeLocalFiles();
    this.#tenants.delete(key);
    tenant.log.info("detached");
  }

  #inTurn(key: string, work: (key: string) => Promise<void>): Promise<void> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(() => {
      if (this.#shuttingDown) throw unavailable("Shutting down");
      stats.slotWrites += 1;
      return work(key);
    });
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(key) === settled) this.#turns.delete(key);
      });
    this.#turns.set(key, settled);
    return turn;
  }
}
