import { join } from "node:path";
import { ComputeClient } from "../api";
import { readLogTail } from "../process";
import { HarnessError, Lsn } from "../types";
import { pollUntil } from "../wait";
import type { PollAttempt, Readiness } from "../wait";
import { parseByteSize } from "./byte-size";
import { computeSpec, pageserverConnstring } from "./compute-spec";
import type { ComputeLocation } from "./compute-spec";
import { ConfiguredEndpoint } from "./configured-endpoint";
import type { EndpointSettings } from "./configured-endpoint";
import type { NodeContext } from "./context";
import { safekeeperAddresses } from "./endpoint-config";
import type { EndpointJson } from "./endpoint-config";
import { endPostgresAtOnce, fastStopFailed } from "./endpoint-stop";
import type { StartOptions, StopOptions } from "./neon-node";
import { nodeClientOptions } from "./node-client";
import type { NodeClientOptions } from "./node-client";
import { freeSharedMemory, signalPostmaster } from "./postmaster";
import type { Safekeeper } from "./safekeeper";

const WAL_PAGE_BYTES = 8192n;

export interface EndpointStartOptions extends StartOptions {
  /** Where extensions are downloaded from. */
  remoteExtConfig?: string;
  pageserverId?: number;
  /** Ids of the safekeepers that the compute uses from now on; default: those that it used last, at first all. */
  safekeepers?: readonly number[];
  /** How often compute_ctl asks for a basebackup before it gives up; 10 when not given, which takes a minute. */
  basebackupRequestTries?: number;
  createTestUser?: boolean;
}

export interface EndpointStopOptions extends StopOptions {
  /**
   * Waits until these safekeepers have let go of the compute's connections: what still arrives from an immediate stop
   * would make the next start's basebackup unusable.
   */
  sksWaitWalreceiverGone?: readonly Safekeeper[];
}

/** A compute: compute_ctl and the Postgres that it runs. A stopped endpoint keeps nothing but its configuration. */
export class Endpoint extends ConfiguredEndpoint {
  #activeSafekeepers: readonly number[];
  #startArguments: string[] = [];
  #location: ComputeLocation | undefined;
  #ready = false;
  #movedMeanwhile = false;

  constructor(context: NodeContext, settings: EndpointSettings) {
    super(context, settings);
    this.#activeSafekeepers = settings.safekeepers.map((sk) => sk.id);
  }

  /** The ids of the safekeepers that it was last started, or configured, with. */
  get activeSafekeepers(): readonly number[] {
    return this.#activeSafekeepers;
  }

  /** Whether it has been started, is ready, and hasn't ended since. */
  get isServing(): boolean {
    return this.#ready && this.isRunning();
  }

  /** compute_ctl asks for no token at this revision; one that is given is sent. */
  httpClient(given: NodeClientOptions = {}): ComputeClient {
    const options = nodeClientOptions(this.context, { binary: "compute_ctl", scope: undefined }, given);
    return new ComputeClient(this.name, `http://127.0.0.1:${this.settings.httpPort}`, options);
  }

  override async start(options: EndpointStartOptions = {}): Promise<void> {
    this.#ready = false;
    this.#movedMeanwhile = false;
    this.#activeSafekeepers = options.safekeepers ?? this.#activeSafekeepers;
    this.#location = await this.settings.locate(options.pageserverId ?? this.settings.pageserverId);
    const spec = computeSpec(this.settings, this.readJson("endpoint.json") as EndpointJson, {
      postgresqlConf: this.readPostgresqlConf(),
      location: this.#location,
      safekeepers: this.#safekeeperAddresses(),
      authToken: this.context.authKeys?.generateToken("tenant", { tenantId: this.settings.tenantId }),
      remoteExtensions: this.readRemoteExtensionSpec(),
      createTestUser: options.createTestUser === true,
    });
    this.writeJson("spec.json", spec);
    const { remoteExtConfig, basebackupRequestTries: tries } = options;
    this.#startArguments = remoteExtConfig === undefined ? [] : ["--remote-ext-config", remoteExtConfig];
    const environment: Record<string, string> =
      tries === undefined ? {} : { NEON_COMPUTE_TESTING_BASEBACKUP_RETRIES: String(tries) };
    await super.start({ budgetMs: 60_000, ...options, environment: { ...environment, ...options.environment } });
    this.#ready = true;
    if (this.#movedMeanwhile) await this.follow();
  }

  /** Called when the tenant may have moved: a compute that knows already where it is goes on undisturbed. */
  async follow(): Promise<void> {
    // One that is starting looks when it is ready.
    this.#movedMeanwhile = !this.#ready;
    if (!this.isServing || this.settings.pageserverId !== undefined) return;
    const location = await this.settings.locate(undefined);
    if (location.pageservers.join() !== this.#location?.pageservers.join()) await this.reconfigure();
  }

  #safekeeperAddresses(): string[] {
    const all = this.settings.safekeepers;
    const active = this.#activeSafekeepers.map((id) => all.find((sk) => sk.id === id) ?? unknownSafekeeper(id, all));
    return safekeeperAddresses(active);
  }

  /**
   * Gives the running compute the present postgresql.conf and spec.json, with other pageservers and safekeepers where
   * they are named: default is where the storage controller says, and the safekeepers of before.
   */
  async reconfigure(options: { pageserverId?: number; safekeepers?: readonly number[] } = {}): Promise<void> {
    this.#activeSafekeepers = options.safekeepers ?? this.#activeSafekeepers;
    const location = await this.settings.locate(options.pageserverId ?? this.settings.pageserverId);
    const spec = this.readJson("spec.json");
    const cluster = { ...(spec["cluster"] as object), postgresql_conf: this.readPostgresqlConf() };
    await this.httpClient().configure({
      ...spec,
      cluster,
      pageserver_connstring: pageserverConnstring(location),
      shard_stripe_size: location.stripeSize,
      safekeeper_connstrings: this.settings.mode === "Primary" ? this.#safekeeperAddresses() : [],
    });
    this.#location = location;
  }

  /** Stops Postgres (fast) and waits until compute_ctl has followed. With `immediate` neither brings anything to its end. */
  override async stop(options: EndpointStopOptions = {}): Promise<void> {
    const budgetMs = options.budgetMs ?? 10_000;
    let inTime = true;
    if (options.immediate === true) {
      // compute_ctl would go on to bring the safekeepers to one LSN: that goes with it.
      if (this.isRunning()) await endPostgresAtOnce(this.name, this.pgdata);
    } else {
      if (this.isRunning()) inTime = await this.#stopPostgres(budgetMs);
      await super.stop({ ...options, budgetMs: Math.min(budgetMs, 3_000) });
    }
    await this.kill9();
    if (!inTime) throw fastStopFailed(this.name, budgetMs, this.logPath);
    const { tenantId, timelineId } = this.settings;
    const safekeepers = options.sksWaitWalreceiverGone ?? [];
    await Promise.all(safekeepers.map((sk) => sk.waitForNoWalReceivers(tenantId, timelineId)));
  }

  /** Whether Postgres, and compute_ctl after it, ended within the budget. */
  async #stopPostgres(budgetMs: number): Promise<boolean> {
    signalPostmaster(this.pgdata, "SIGINT");
    return this.waitForExit(budgetMs);
  }

  /** SIGKILL for compute_ctl and for Postgres with all its backends. */
  override async kill9(): Promise<void> {
    await super.kill9();
    freeSharedMemory(this.pgdata);
  }

  /** Stops it at once and frees its data; the configuration stays for a person to read. */
  async stopAndDestroy(): Promise<void> {
    await this.stop({ immediate: true });
    this.removeData();
  }

  /** How far Postgres has written its own WAL to disk, in whole records: others get to this LSN, too. */
  async flushLsn(): Promise<Lsn> {
    for (;;) {
      const [row] = await this.sql`select pg_current_wal_flush_lsn()::text as lsn`;
      const lsn = Lsn.parse(String(row?.["lsn"]));
      if (lsn % WAL_PAGE_BYTES !== 0n) return lsn;
      // The WAL writer wrote whole pages, and so half a record. A commit brings it to its end.
      await this.sql`select pg_current_xact_id()`;
    }
  }

  /** Bytes of a WAL segment: 16 MiB in Neon, less in the embedded engine. */
  async walSegmentBytes(): Promise<bigint> {
    const [row] = await this.sql`select setting from pg_settings where name = 'wal_segment_size'`;
    return BigInt(String(row?.["setting"]));
  }

  /** Empties the buffers of Postgres and the local file cache; the extension neon_test_utils must be there. */
  async clearBuffers(): Promise<void> {
    await this.sql`select clear_buffer_cache()`;
    const [row] = await this.sql`show neon.file_cache_size_limit`;
    const limit = String(row?.["neon.file_cache_size_limit"]);
    if (parseByteSize(limit) === 0) return;
    for (const size of ["0", limit]) {
      await this.query(`alter system set neon.file_cache_size_limit = '${size}'`);
      await this.sql`select pg_reload_conf()`;
      await this.#waitForSetting("neon.file_cache_size_limit", size);
    }
  }

  /** Every process reads a changed configuration in its own time. */
  async #waitForSetting(name: string, value: string): Promise<void> {
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const [row] = await this.query(`show ${name}`);
      observed(`${name} = ${row?.[name]}`);
      return parseByteSize(String(row?.[name])) === parseByteSize(value);
    };
    await this.#waitFor(`${name} to become ${value}`, probe, 10_000);
  }

  /** Resolves when a commit waits for the safekeepers. */
  async waitForBlockedCommit(budgetMs = 10_000): Promise<void> {
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const rows = await this
        .sql`select wait_event from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()`;
      observed(`wait events ${JSON.stringify(rows.map((row) => row["wait_event"]))}`);
      return rows.some((row) => row["wait_event"] === "SyncRep");
    };
    await this.#waitFor("a commit to wait for the safekeepers", probe, budgetMs);
  }

  /** Resolves when this replica has replayed all WAL up to `lsn`. */
  async waitForReplay(lsn: Lsn, budgetMs = 30_000): Promise<void> {
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const [row] = await this.sql`select pg_last_wal_replay_lsn()::text as lsn`;
      observed(`replayed up to ${row?.["lsn"]}`);
      return row?.["lsn"] !== null && Lsn.parse(String(row?.["lsn"])) >= lsn;
    };
    await this.#waitFor(`the replay of ${Lsn.format(lsn)}`, probe, budgetMs);
  }

  /** Resolves when `count` of compute_ctl's migrations are done; none runs while skip_pg_catalog_updates is true. */
  async waitForMigrations(count = COMPUTE_MIGRATIONS, budgetMs = 30_000): Promise<void> {
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const [row] = await this.sql`select id::int from neon_migration.migration_id`;
      observed(`migration ${row?.["id"]}`);
      return Number(row?.["id"]) >= count;
    };
    await this.#waitFor(`${count} migrations`, probe, budgetMs);
  }

  async #waitFor(what: string, probe: (attempt: PollAttempt) => Promise<boolean>, budgetMs: number): Promise<void> {
    await pollUntil(what, probe, { budgetMs, component: this.name, logPath: this.logPath });
  }

  protected spawnSpec() {
    const { engine } = this.context;
    return {
      command: engine.binary("compute_ctl"),
      args: [
        ...["--http-port", String(this.settings.httpPort), "--pgdata", this.pgdata],
        ...["--connstr", this.connstr, "--spec-path", join(this.dir, "spec.json")],
        ...["--pgbin", engine.postgresProgram(this.settings.pgVersion, "postgres")],
        ...this.#startArguments,
      ],
      cwd: this.dir,
    };
  }

  protected ports() {
    return [this.settings.pgPort, this.settings.httpPort];
  }

  protected readiness(): Readiness {
    return {
      name: "compute status running",
      wait: async (context) => {
        const probe = async ({ observed, fail }: PollAttempt): Promise<boolean> => {
          const answer = await this.httpClient().status();
          observed(`status ${answer.status}`);
          if (answer.status === "failed") fail(await this.#failedToStart(answer.error));
          return answer.status === "running";
        };
        await pollUntil("its status to become running", probe, { ...context, logPath: this.logPath });
      },
    };
  }

  async #failedToStart(reason: string | null): Promise<HarnessError> {
    return new HarnessError("NODE_NOT_READY", {
      summary: `${this.name} could not start its Postgres`,
      expected: "status running",
      found: reason ?? "status failed, with no reason given",
      todo: "see what Postgres said in the end of its log",
      logPath: this.logPath,
      logTail: await readLogTail(this.logPath),
      facts: { component: this.name, phase: "start" },
    });
  }
}

/** What stands in compute_tools/src/migrations at this revision. */
const COMPUTE_MIGRATIONS = 11;

function unknownSafekeeper(id: number, all: readonly Safekeeper[]): never {
  throw new HarnessError("MISUSE", {
    summary: `there is no safekeeper ${id}`,
    expected: `ids of ${all.map((sk) => sk.id).join(", ") || "no safekeeper at all"}`,
    found: String(id),
  });
}
