import { Endpoint } from "../nodes";
import type { NodeContext, Safekeeper, StorageController } from "../nodes";
import type { PortLease } from "../ports";
import { HarnessError } from "../types";
import type { PgVersion, TenantId } from "../types";
import type { Branch } from "./neon-env";
import { settleAll } from "./settle";

export interface EndpointOptions {
  /** Default: ep-1, ep-2, … */
  id?: string;
  tenantId?: TenantId;
  /** Appended to postgresql.conf, so they win. */
  configLines?: readonly string[];
  /** Allows a second running primary on the branch; Neon fences the first. */
  allowMultiple?: boolean;
}

export interface EndpointGround {
  context: NodeContext;
  ports: PortLease;
  pgVersion: PgVersion;
  safekeepers: readonly Safekeeper[];
  storageController: StorageController;
  branch(name: string, tenantId?: TenantId): Branch;
}

/** Makes the computes of one environment and knows them all. */
export class EndpointFactory {
  readonly #ground: EndpointGround;
  readonly #endpoints: Endpoint[] = [];

  constructor(ground: EndpointGround) {
    this.#ground = ground;
  }

  get all(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** An endpoint of the branch that is configured and does not run yet. */
  async create(branchName: string, options: EndpointOptions = {}): Promise<Endpoint> {
    const { context, ports, pgVersion, safekeepers } = this.#ground;
    const { tenantId, timelineId } = this.#ground.branch(branchName, options.tenantId);
    const id = options.id ?? `ep-${this.#endpoints.length + 1}`;
    if (options.allowMultiple !== true) this.#refuseSecondPrimary(timelineId);
    const [pgPort, httpPort] = [await ports.next(), await ports.next()];
    const endpoint = new Endpoint(context, {
      ...{ id, tenantId, timelineId, pgPort, httpPort, pgVersion, safekeepers },
      locate: () => this.#locate(tenantId),
      ...(options.configLines === undefined ? {} : { configLines: options.configLines }),
    });
    endpoint.create();
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async createStart(branchName: string, options: EndpointOptions = {}): Promise<Endpoint> {
    const endpoint = await this.create(branchName, options);
    await endpoint.start();
    return endpoint;
  }

  async stopAll(options: { immediate?: boolean } = {}): Promise<void> {
    await settleAll("stop", this.#endpoints, (endpoint) => endpoint.stop(options));
  }

  removeData(): void {
    for (const endpoint of this.#endpoints) endpoint.removeData();
  }

  #refuseSecondPrimary(timelineId: string): void {
    const running = this.#endpoints.find((ep) => ep.settings.timelineId === timelineId && ep.isRunning());
    if (running === undefined) return;
    throw new HarnessError("MISUSE", {
      summary: `a second primary on timeline ${timelineId}`,
      expected: "one running primary per branch",
      found: `${running.name} runs`,
      todo: "stop it first, or say allowMultiple: true if the test is about two primaries",
    });
  }

  async #locate(tenantId: TenantId): Promise<{ connstring: string; stripeSize: number }> {
    const location = await this.#ground.storageController.httpClient().locate(tenantId);
    const shards = location.shards.map(
      (shard) => `postgresql://no_user@${shard.listen_pg_addr}:${shard.listen_pg_port}`,
    );
    return { connstring: shards.join(","), stripeSize: location.shard_params.stripe_size };
  }
}
