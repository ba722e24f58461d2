import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  engineProgram,
  freePort,
  giveToNodes,
  identity,
  makeTestDirectory,
  pgDistribDir,
  programEnvironment,
} from "../../../testing";
import { pollUntil } from "../../../wait";
import { PgConnection } from "../../../wire";
import type { TenantId, TimelineId } from "../../../types";
import { type BrokerServer, startBroker } from "../../broker/server";
import { createLogger } from "../../service";
import { FakeStorageController } from "./fake-storage-controller";

export interface ExitFacts {
  code: number | null;
  signal: NodeJS.Signals | null;
  elapsedMs: number;
}

/** A real pageserver process in a directory of its own, with a real broker and a fake storage controller. */
export class TestPageserver {
  readonly root: string;
  readonly dir: string;
  readonly storageController = new FakeStorageController();
  broker: BrokerServer | undefined;
  /** Sent with every request, where the node asks for one. */
  token: string | undefined;
  readonly #clients: PgConnection[] = [];
  #process: ChildProcess | undefined;
  #pgPort = 0;
  #httpPort = 0;

  constructor() {
    this.root = makeTestDirectory("pageserver-test");
    this.dir = join(this.root, "pageserver_1");
    for (const dir of [this.dir, this.remoteDir]) {
      mkdirSync(dir);
      giveToNodes(dir);
    }
  }

  get remoteDir(): string {
    return join(this.root, "remote");
  }

  get log(): string {
    return readFileSync(join(this.dir, "pageserver.log"), "utf8");
  }

  /** Memory of the process, from /proc. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
  }

  async prepare(settings = ""): Promise<void> {
    this.broker = await startBroker({ host: "127.0.0.1", port: 0, log: createLogger(() => undefined) });
    await this.storageController.start();
    this.#pgPort = await freePort();
    this.#httpPort = await freePort();
    const metadata = { host: "127.0.0.1", port: this.#pgPort, http_host: "127.0.0.1", http_port: this.#httpPort };
    writeFileSync(join(this.dir, "identity.toml"), "id=1\n");
    writeFileSync(join(this.dir, "metadata.json"), JSON.stringify({ ...metadata, availability_zone_id: "az-1" }));
    writeFileSync(
      join(this.dir, "pageserver.toml"),
      `pg_distrib_dir = '${pgDistribDir}'
broker_endpoint = 'http://127.0.0.1:${this.broker.port}/'
control_plane_api = '${this.storageController.url}'
listen_pg_addr = '127.0.0.1:${this.#pgPort}'
listen_http_addr = 'localhost:${this.#httpPort}'
remote_storage = { local_path = '../remote' }
no_sync = true
${settings}
`,
    );
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get pgPort(): number {
    return this.#pgPort;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  /** Starts the process and waits until it serves. */
  async start(): Promise<void> {
    this.spawn();
    await pollUntil("the pageserver answers", () => this.#isUp(), {
      budgetMs: 10_000,
      intervalMs: 20,
      logPath: join(this.dir, "pageserver.log"),
    });
  }

  spawn(): void {
    // A test that timed out may go on behind the clean-up.
    if (!existsSync(this.root)) throw new Error("the test is over");
    const log = openSync(join(this.dir, "pageserver.log"), "a");
    this.#process = spawn(engineProgram("pageserver"), ["-D", this.dir], {
      cwd: this.dir,
      stdio: ["ignore", log, log],
      env: programEnvironment,
      ...identity,
    });
  }

  async #isUp(): Promise<true | undefined> {
    if (this.#process?.exitCode !== null) throw new Error(`the pageserver ended: ${this.log}`);
    return (await this.http("GET", "/v1/status")).status === 200 ? true : undefined;
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<ExitFacts> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return { code: child?.exitCode ?? null, signal: child?.signalCode ?? null, elapsedMs: 0 };
    }
    const begin = performance.now();
    const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    child.kill(signal);
    const [code, by] = await exited;
    return { code, signal: by, elapsedMs: performance.now() - begin };
  }

  /** `token`: null for none. */
  async http(
    method: string,
    path: string,
    body?: unknown,
    token: string | null = this.token ?? null,
  ): Promise<{ status: number; text: string; json: unknown }> {
    const response = await fetch(`${this.httpUrl}${path}`, {
      method,
      headers: { connection: "close", ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = text !== "" && response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, text, json: isJson ? (JSON.parse(text) as unknown) : undefined };
  }

  async connect(): Promise<PgConnection> {
    const client = await PgConnection.connect({ host: "127.0.0.1", port: this.#pgPort });
    this.#clients.push(client);
    return client;
  }

  dropClients(): void {
    for (const client of this.#clients.splice(0)) client.destroy();
  }

  /** Attaches a tenant in a new generation. */
  async attach(tenantId: TenantId, tenantConf: object = {}): Promise<void> {
    const generation = this.storageController.nextGeneration(tenantId);
    const body = { mode: "AttachedSingle", generation, tenant_conf: tenantConf };
    await this.#expect(200, "PUT", `/v1/tenant/${tenantId}/location_config`, body);
  }

  async createTimeline(tenantId: TenantId, timelineId: TimelineId): Promise<void> {
    const body = { new_timeline_id: timelineId, pg_version: 17 };
    await this.#expect(201, "POST", `/v1/tenant/${tenantId}/timeline`, body);
  }

  /** What the node's log complains about. */
  complaints(): string[] {
    return this.log.split("\n").filter((line) => /\s(WARN|ERROR)\s/.test(line));
  }

  async #expect(status: number, method: string, path: string, body: unknown): Promise<void> {
    const answer = await this.http(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  }

  async cleanUp(): Promise<void> {
    this.dropClients();
    await this.stop("SIGKILL");
    await this.storageController.stop();
    await this.broker?.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
