import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { createLogger } from "../service";
import type { ControllerOptions } from "./controller";
import { type FakePageserver, startFakePageserver } from "./fake-pageserver.test-data";
import { startStorageController } from "./server";

/** Storage controllers and fake pageservers of one test, taken down by `cleanUp`. */
export class TestClusters {
  readonly lines: string[] = [];
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  /** What the controllers logged at WARN or ERROR since the last call. */
  complaints(): string[] {
    return this.lines.splice(0).filter((line) => /\s(ERROR|WARN)/.test(line));
  }

  async cleanUp(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
  }

  onCleanUp(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup);
  }

  async pageserver(...args: Parameters<typeof startFakePageserver>): Promise<FakePageserver> {
    const started = await startFakePageserver(...args);
    this.onCleanUp(() => started.close());
    return started;
  }

  async repository(): Promise<string> {
    const repoDir = await mkdtemp(join(tmpdir(), "storcon-"));
    this.onCleanUp(() => rm(repoDir, { recursive: true }));
    return repoDir;
  }

  async controller(repoDir: string, options: Partial<ControllerOptions> = {}) {
    const started = await startStorageController(
      { host: "127.0.0.1", port: 0 },
      {
        log: createLogger((line) => this.lines.push(line)),
        repoDir,
        heartbeatIntervalMs: 50,
        maxOfflineIntervalMs: 150,
        maxWarmingUpIntervalMs: 1000,
        addressForPeers: "http://127.0.0.1:1/",
        jwtToken: undefined,
        computeHookUrl: undefined,
        controlPlaneToken: undefined,
        startAsCandidate: false,
        peerToken: undefined,
        longReconcileThresholdMs: 60_000,
        maxSecondaryLagBytes: 0,
        publicKey: undefined,
        ...options,
      },
    );
    const close = () => started.close();
    this.onCleanUp(close);
    const call = async (method: string, path: string, body?: unknown) => {
      const url = `http://127.0.0.1:${started.port}/${path}`;
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(url, { method, ...sent, headers: { connection: "close" } });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json");
      return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text };
    };
    const isNow = (node: number, facts: object) =>
      vi.waitFor(async () => expect((await call("GET", `control/v1/node/${node}`)).body).toMatchObject(facts), {
        interval: 5,
        timeout: 5000,
      });
    const reAttach = async (ps: FakePageserver) => {
      const { body } = await call("POST", "upcall/v1/re-attach", { node_id: ps.id, register: ps.register });
      await isNow(ps.id, { availability: "Active" });
      return body;
    };
    return { call, reAttach, close, isNow, port: started.port };
  }

  /** A controller with this many pageservers, all Active. */
  async cluster(nodes: number, options: Partial<ControllerOptions> = {}) {
    const pageservers: FakePageserver[] = [];
    for (let id = 1; id <= nodes; id++) pageservers.push(await this.pageserver(id));
    const repoDir = await this.repository();
    const storcon = await this.controller(repoDir, options);
    for (const ps of pageservers) expect(await storcon.reAttach(ps)).toEqual({ tenants: [] });
    const [first, second] = pageservers;
    if (first === undefined) throw new Error("a cluster has at least one pageserver");
    return { ...storcon, repoDir, pageservers, ps1: first, ps2: second ?? first };
  }
}
