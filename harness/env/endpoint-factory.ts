import { rmSync } from "node:fs";
import { Endpoint } from "../nodes";
import type { ComputeLocation, EndpointMode, EndpointStartOptions, NodeContext, Pageserver } from "../nodes";
import type { Safekeeper, StorageController } from "../nodes";
import type { PortLease } from "../ports";
import { HarnessError, TenantShardId } from "../types";
import type { Lsn, PgVersion, TenantId, TimelineId } from "../types";
import type { Branch } from "./branches";
import { withFreshPorts } from "./fresh-ports";
import { settleAll } from "./settle";

export interface EndpointOptions {
  /** Default: ep-1, ep-2, … */
  id?: string;
  tenantId?: TenantId;
  /** Appended to postgresql.conf, so they win. */
  configLines?: readonly string[];
  /** Allows a second running primary on the branch; Neon fences the first. */
  allowMultiple?: boolean;
  /** A compute that reads the branch as it was at this LSN. */
  lsn?: Lsn;
  /** A compute that reads what the primary writes. */
  hotStandby?: boolean;
  /** The pageserver to use instead of the one that the storage controller names. */
  pageserverId?: number;
}

type CreateStartOptions = EndpointOptions & EndpointStartOptions;

export interface EndpointGround {
  context: NodeContext;
  ports: PortLease;
  pgVersion: PgVersion;
  safekeepers: readonly Safekeeper[];
  storageController: StorageController;
  branch(name: string, tenantId?: TenantId): Branch;
  pageserver(id: number): Pageserver;
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
    const mode = modeOf(options);
    if (mode === "Primary" && options.allowMultiple !== true) this.#refuseSecondPrimary(timelineId);
    const [pgPort, httpPort] = [await ports.next(), await ports.next()];
    // From here on nothing waits, so that no other call gives the same name.
    const id = options.id ?? `ep-${this.#endpoints.length + 1}`;
    const endpoint = new Endpoint(context, {
      ...{ id, tenantId, timelineId, branchName, mode, pgPort, httpPort, pgVersion, safekeepers },
      pageserverId: options.pageserverId,
      locate: (pageserverId) => this.#locate({ tenantId, timelineId }, mode, pageserverId),
      ...(options.configLines === undefined ? {} : { configLines: options.configLines }),
    });
    endpoint.create();
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async createStart(branchName: string, options: CreateStartOptions = {}): Promise<Endpoint> {
    return this.#started(options, async () => this.create(branchName, options));
  }

  async #started(options: EndpointStartOptions, create: () => Promise<Endpoint>): Promise<Endpoint> {
    let endpoint: Endpoint | undefined;
    return withFreshPorts(
      "the compute",
      async () => {
        endpoint = await create();
        await endpoint.start(options);
        return endpoint;
      },
      async () => {
        await endpoint?.kill9();
        endpoint?.removeData();
        if (endpoint !== undefined) rmSync(endpoint.dir, { recursive: true, force: true });
        this.#endpoints.splice(
          this.#endpoints.findIndex((each) => each === endpoint),
          1,
        );
      },
    );
  }

  /** A hot standby of the branch that `origin` writes to. */
  newReplica(origin: Endpoint, options: EndpointOptions = {}): Promise<Endpoint> {
    const { branchName, tenantId } = origin.settings;
    if (branchName !== null) return this.create(branchName, { ...options, tenantId, hotStandby: true });
    throw new HarnessError("MISUSE", { summary: `the timeline of ${origin.name} has no branch name` });
  }

  async newReplicaStart(origin: Endpoint, options: CreateStartOptions = {}): Promise<Endpoint> {
    return this.#started(options, async () => this.newReplica(origin, options));
  }

  /** Tells the tenant's running computes where its shards are now. */
  async follow(tenantId: TenantId): Promise<void> {
    const affected = this.#endpoints.filter(({ settings }) => settings.tenantId === tenantId);
    await settleAll("reconfigure", affected, (endpoint) => endpoint.follow());
  }

  async stopAll(options: { immediate?: boolean } = {}): Promise<void> {
    await settleAll("stop", this.#endpoints, (endpoint) => endpoint.stop(options));
  }

  removeData(): void {
    for (const endpoint of this.#endpoints) endpoint.removeData();
  }

  #refuseSecondPrimary(timelineId: TimelineId): void {
    const running = this.#endpoints.find(
      (each) => each.settings.timelineId === timelineId && each.settings.mode === "Primary" && each.isRunning(),
    );
    if (running === undefined) return;
    throw new HarnessError("MISUSE", {
      summary: `a second primary on timeline ${timelineId}`,
      expected: "one running primary per branch",
      found: `${running.name} runs`,
      todo: "stop it first, or say allowMultiple: true if the test is about two primaries",
    });
  }

  /** A compute at an LSN has it leased from every shard, so that garbage collection leaves its pages. */
  async #locate(
    { tenantId, timelineId }: { tenantId: TenantId; timelineId: TimelineId },
    mode: EndpointMode,
    pageserverId: number | undefined,
  ): Promise<ComputeLocation> {
    if (pageserverId !== undefined) return addressOf(this.#ground.pageserver(pageserverId));
    const { shards, shard_params } = await this.#ground.storageController.httpClient().locate(tenantId);
    if (typeof mode === "object") {
      const leases = shards.map((shard) => {
        const client = this.#ground.pageserver(shard.node_id).httpClient();
        return client.leaseLsn(TenantShardId.parse(shard.shard_id), timelineId, mode.Static);
      });
      await Promise.all(leases);
    }
    const pageservers = shards.map((shard) => `${shard.listen_pg_addr}:${shard.listen_pg_port}`);
    return { pageservers, stripeSize: shard_params.stripe_size };
  }
}

/** In pages; a tenant that is told its pageserver is not managed by the storage controller, and so has one shard. */
const DEFAULT_STRIPE_SIZE = 32768;

const addressOf = (pageserver: Pageserver): ComputeLocation => ({
  pageservers: [`127.0.0.1:${pageserver.pgPort}`],
  stripeSize: DEFAULT_STRIPE_SIZE,
});

function modeOf({ lsn, hotStandby }: EndpointOptions): EndpointMode {
  if (lsn === undefined) return hotStandby === true ? "Replica" : "Primary";
  if (hotStandby !== true) return { Static: lsn };
  throw new HarnessError("MISUSE", {
    summary: "an endpoint can't be at one LSN and follow a primary",
    expected: "lsn or hotStandby",
    found: "both",
  });
}
