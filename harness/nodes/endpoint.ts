import { join } from "node:path";
import { ComputeClient } from "../api";
import { HarnessError, Lsn } from "../types";
import { pollUntil } from "../wait";
import type { PollAttempt, Readiness } from "../wait";
import { makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import { makeDataDirectory, removeDataDirectory } from "./data-directory";
import { computeSpec, endpointJson, primaryConfigLines } from "./endpoint-config";
import type { EndpointIdentity } from "./endpoint-config";
import { NeonNode } from "./neon-node";
import { nodeClientOptions } from "./node-client";
import type { NodeClientOptions } from "./node-client";
import type { StopOptions } from "./neon-node";
import { freeSharedMemory, postmasterIsGone, signalPostmaster } from "./postmaster";
import type { Safekeeper } from "./safekeeper";
import { queryOnce, SqlSession, templateQuery } from "./sql";
import type { SqlOptions, SqlRow, SqlTarget } from "./sql";

const WAL_PAGE_BYTES = 8192n;

/** Where the tenant's pages are now; asked anew at every start. */
export type LocatePageservers = () => Promise<{ connstring: string; stripeSize: number }>;

export interface EndpointSettings extends EndpointIdentity {
  safekeepers: readonly Safekeeper[];
  locate: LocatePageservers;
  /** Appended to postgresql.conf, so they win. */
  configLines?: readonly string[];
}

/** A compute: compute_ctl and the Postgres that it runs. A stopped endpoint keeps nothing but its configuration. */
export class Endpoint extends NeonNode {
  readonly name: string;
  readonly settings: EndpointSettings;
  readonly dir: string;
  #dataDir: string | undefined;

  constructor(context: NodeContext, settings: EndpointSettings) {
    super(context);
    this.settings = settings;
    this.name = settings.id;
    this.dir = join(context.repoDir, "endpoints", settings.id);
  }

  get logPath(): string {
    return join(this.dir, "compute.log");
  }

  get pgdata(): string {
    return join(this.dir, "pgdata");
  }

  get pgPort(): number {
    return this.settings.pgPort;
  }

  /** For `psql` and drivers; the user is the superuser cloud_admin. */
  get connstr(): string {
    return `postgresql://cloud_admin@127.0.0.1:${this.pgPort}/postgres`;
  }

  /** compute_ctl asks for no token at this revision; one that is given is sent. */
  httpClient(given: NodeClientOptions = {}): ComputeClient {
    const options = nodeClientOptions(this.context, { binary: "compute_ctl", scope: undefined }, given);
    return new ComputeClient(this.name, `http://127.0.0.1:${this.settings.httpPort}`, options);
  }

  /** Writes endpoint.json and postgresql.conf; nothing runs yet. */
  create(): void {
    makeNodeDirectory(this.context, this.dir);
    const onTmpfs = this.context.engine.facts.computeDataOnTmpfs;
    this.#dataDir ??= makeDataDirectory(this.context, this.pgdata, { onTmpfs });
    writeNodeFile(this.context, join(this.dir, "endpoint.json"), endpointJson(this.settings));
    writeNodeFile(this.context, join(this.dir, "postgresql.conf"), this.#postgresqlConf());
  }

  #postgresqlConf(): string {
    const lines = [
      ...primaryConfigLines(this.settings, this.settings.safekeepers),
      ...(this.settings.configLines ?? []),
    ];
    return `${lines.join("\n")}\n`;
  }

  override async start(options: { budgetMs?: number; environment?: Record<string, string> } = {}): Promise<void> {
    const { connstring, stripeSize } = await this.settings.locate();
    const spec = computeSpec(this.settings, {
      postgresqlConf: this.#postgresqlConf(),
      pageserverConnstring: connstring,
      safekeepers: this.settings.safekeepers,
      stripeSize,
      authToken: this.context.authKeys?.generateToken("tenant", { tenantId: this.settings.tenantId }),
    });
    writeNodeFile(this.context, join(this.dir, "spec.json"), JSON.stringify(spec, null, 2));
    await super.start({ budgetMs: 60_000, ...options });
  }

  /** Stops Postgres (fast) and waits until compute_ctl has followed. With `immediate` neither brings anything to its end. */
  override async stop(options: StopOptions = {}): Promise<void> {
    const budgetMs = options.budgetMs ?? 10_000;
    let inTime = true;
    if (this.isRunning()) {
      if (options.immediate === true) await this.#stopPostgresAtOnce();
      else inTime = await this.#stopPostgres(budgetMs);
    }
    await super.stop({ ...options, budgetMs: Math.min(budgetMs, 3_000) });
    await this.kill9();
    if (!inTime) throw fastStopFailed(this.name, budgetMs, this.logPath);
  }

  /** Whether Postgres, and compute_ctl after it, ended within the budget. */
  async #stopPostgres(budgetMs: number): Promise<boolean> {
    signalPostmaster(this.pgdata, "SIGINT");
    return this.waitForExit(budgetMs);
  }

  /** compute_ctl gets its own signal before it has synchronised the safekeepers, which it does when Postgres ends. */
  async #stopPostgresAtOnce(): Promise<void> {
    signalPostmaster(this.pgdata, "SIGQUIT");
    const gone = pollUntil("the end of its Postgres", () => postmasterIsGone(this.pgdata), {
      budgetMs: 3_000,
      intervalMs: 2,
      component: this.name,
    });
    // What doesn't end by itself is killed.
    await gone.catch((error: unknown) => {
      if (!HarnessError.is(error, "WAIT_TIMEOUT")) throw error;
    });
  }

  /** SIGKILL for compute_ctl and for Postgres with all its backends. */
  override async kill9(): Promise<void> {
    await super.kill9();
    freeSharedMemory(this.pgdata);
  }

  /** Stops it and removes its directory. */
  async destroy(): Promise<void> {
    await this.stop({ immediate: true });
    this.removeData();
  }

  /** Frees the data directory, which may stand on tmpfs. */
  removeData(): void {
    if (this.#dataDir !== undefined) removeDataDirectory(this.#dataDir);
    this.#dataDir = undefined;
  }

  /** Runs one statement in a session of its own and returns its rows; `${value}` becomes a parameter. */
  sql(strings: TemplateStringsArray, ...values: unknown[]): Promise<SqlRow[]> {
    return queryOnce(this.#target(), ...templateQuery(strings, values));
  }

  /** The same for a statement that is a plain string. */
  query(text: string, values?: readonly unknown[], options: SqlOptions = {}): Promise<SqlRow[]> {
    return queryOnce(this.#target(), text, values, options);
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

  /** Resolves when a commit waits for the safekeepers. */
  async waitForBlockedCommit(budgetMs = 10_000): Promise<void> {
    const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
      const rows = await this
        .sql`select wait_event from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()`;
      observed(`wait events ${JSON.stringify(rows.map((row) => row["wait_event"]))}`);
      return rows.some((row) => row["wait_event"] === "SyncRep");
    };
    await pollUntil("a commit to wait for the safekeepers", probe, {
      budgetMs,
      component: this.name,
      logPath: this.logPath,
    });
  }

  connect(options: SqlOptions = {}): Promise<SqlSession> {
    return SqlSession.connect(this.#target(), options);
  }

  #target(): SqlTarget {
    return { name: this.name, host: "127.0.0.1", port: this.pgPort, user: "cloud_admin", database: "postgres" };
  }

  protected spawnSpec() {
    const { engine } = this.context;
    return {
      command: engine.binary("compute_ctl"),
      args: [
        ...["--http-port", String(this.settings.httpPort), "--pgdata", this.pgdata],
        ...["--connstr", this.connstr, "--spec-path", join(this.dir, "spec.json")],
        ...["--pgbin", engine.postgresProgram(this.settings.pgVersion, "postgres")],
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
          if (answer.status === "failed") fail(this.#failedToStart(answer.error));
          return answer.status === "running";
        };
        await pollUntil("its status to become running", probe, { ...context, logPath: this.logPath });
      },
    };
  }

  #failedToStart(reason: string | null): HarnessError {
    return new HarnessError("NODE_NOT_READY", {
      summary: `${this.name} could not start its Postgres`,
      expected: "status running",
      found: reason ?? "status failed, with no reason given",
      logPath: this.logPath,
      facts: { component: this.name, phase: "start" },
    });
  }
}

function fastStopFailed(name: string, budgetMs: number, logPath: string): HarnessError {
  return new HarnessError("NODE_WILL_NOT_STOP", {
    summary: `${name} did not stop by itself; phase: fast stop of Postgres`,
    expected: `Postgres to end within ${budgetMs} ms of SIGINT, and compute_ctl after it`,
    found: "both were still there; compute_ctl was sent SIGTERM, and what was left was killed",
    todo: "see the end of its log; without a majority of safekeepers a fast stop waits for ever: stop({ immediate: true })",
    facts: { component: name, phase: "fast stop" },
    logPath,
  });
}
