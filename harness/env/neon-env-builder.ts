import { rmSync } from "node:fs";
import type { Engine } from "../engine";
import type { PortLease } from "../ports";
import { remoteStorageOfRun } from "../storage";
import type { RemoteStorageKind } from "../storage";
import { HarnessError } from "../types";
import type { PgVersion } from "../types";
import { basename, dirname, join } from "node:path";
import { configureEnv } from "./configure";
import { orDiskFull } from "./full-disk";
import { withFreshPorts } from "./fresh-ports";
import type { NeonEnv } from "./neon-env";
import { readRepoConfig } from "./repo-config";
import { defaultSettings } from "./settings";
import type { NeonEnvSettings } from "./settings";
import { copyRepo } from "./snapshots/copy-repo";
import { copyForSnapshot, sharedSnapshot, snapshotKey } from "./snapshots/snapshot";
import { directoryName, TestDirectory } from "./test-directory";

/** Fills an environment for a snapshot: configures the builder if it wants to, starts it, and returns it. */
export type SnapshotMaker = (builder: NeonEnvBuilder) => Promise<NeonEnv>;

/** What an environment stands on; the fixtures bring it. */
export interface EnvGround {
  readonly engine: Engine;
  readonly pgVersion: PgVersion;
  readonly directory: TestDirectory;
  readonly ports: PortLease;
}

/** Collects what a test wants; nothing runs before `initStart()`. What is valid only while running is on NeonEnv. */
export class NeonEnvBuilder {
  readonly ground: EnvGround;
  readonly settings: NeonEnvSettings;
  #env: NeonEnv | undefined;

  constructor(ground: EnvGround, defaults: Partial<NeonEnvSettings> = {}) {
    this.ground = ground;
    this.settings = { ...defaultSettings(ground.pgVersion), ...defaults };
  }

  /** Changes settings; throws MISUSE once the configuration is written. */
  with(settings: Partial<NeonEnvSettings>): this {
    if (this.#env !== undefined) {
      throw new HarnessError("MISUSE", {
        summary: "the environment is configured already",
        expected: "with(…) before initConfigs() or initStart()",
        todo: `move these settings up: ${Object.keys(settings).join(", ")}`,
      });
    }
    Object.assign(this.settings, settings);
    return this;
  }

  /** The kind of the pageservers' remote storage; by default that of the run. */
  enablePageserverRemoteStorage(kind: RemoteStorageKind = remoteStorageOfRun()): this {
    return this.with({ pageserverRemoteStorage: kind });
  }

  /** Lets safekeepers offload WAL; by default to the kind of the run. */
  enableSafekeeperRemoteStorage(kind: RemoteStorageKind = remoteStorageOfRun()): this {
    return this.with({ safekeepersRemoteStorage: kind });
  }

  /** The environment, once `initConfigs()` or `initStart()` has made it. */
  get env(): NeonEnv | undefined {
    return this.#env;
  }

  /** Leases ports and writes every node's configuration; no process is started. */
  async initConfigs(): Promise<NeonEnv> {
    if (this.#env !== undefined) {
      throw new HarnessError("MISUSE", { summary: "initConfigs() or initStart() is called twice on one builder" });
    }
    const env = await this.#onDisk(() =>
      configureEnv({ ...this.ground, pgVersion: this.settings.pgVersion }, this.settings),
    );
    this.#env = env;
    return env;
  }

  /** Starts all nodes in parallel, waits until they are ready, and makes the initial tenant and timeline (`main`). */
  async initStart(): Promise<NeonEnv> {
    // Who has configured it by itself may know its ports already.
    if (this.#env !== undefined) return this.#start(this.#env);
    return withFreshPorts(
      "the environment",
      async () => this.#start(await this.initConfigs()),
      async () => {
        const env = this.#env;
        this.#env = undefined;
        await env?.discard();
        if (env !== undefined) rmSync(env.repoDir, { recursive: true, force: true });
      },
    );
  }

  async #start(env: NeonEnv): Promise<NeonEnv> {
    await this.#onDisk(async () => {
      await env.start();
      if (this.settings.createInitialTenant) await env.createInitialTenant();
    });
    return env;
  }

  /**
   * The environment of a repo that neon_local or this harness made and stopped: its tenants, its data, and new ports.
   * It is not started yet. Throws BAD_CONFIG where the directory is none, or has other nodes than the settings say.
   */
  async fromRepoDir(repoDir: string): Promise<NeonEnv> {
    const { initialTenant, branches } = readRepoConfig(repoDir);
    const first = branches.find(
      ({ name, branch }) => name === this.settings.defaultBranchName && branch.tenantId === initialTenant,
    );
    this.with({ initialTenant, ...(first === undefined ? {} : { initialTimeline: first.branch.timelineId }) });
    const env = await this.initConfigs();
    await this.#onDisk(() => copyRepo(repoDir, env));
    for (const { name, branch } of branches) env.mapBranch(name, branch);
    return env;
  }

  /**
   * An environment with what `make` has put into it, e.g. a large database. `make` runs once per build of the engine, its
   * own text and the settings; later tests, of other runs too, get a copy (in TEST_OUTPUT/shared-snapshots). It is not
   * started yet.
   */
  async buildAndUseSnapshot(name: string, make: SnapshotMaker): Promise<NeonEnv> {
    const place = join(dirname(this.ground.directory.path), "shared-snapshots", directoryName(name));
    return this.fromRepoDir(await this.#snapshot(place, make));
  }

  async #snapshot(place: string, make: SnapshotMaker): Promise<string> {
    const { engine, directory } = this.ground;
    const buildKey = engine.buildKey(this.settings.pgVersion);
    const path = `${place}-${snapshotKey(this.settings, { buildKey, maker: String(make) })}`;
    return sharedSnapshot(path, async (draft) => {
      const name = `snapshot of ${basename(place)}`;
      const workplace = TestDirectory.create(dirname(directory.path), name, engine.facts.identity);
      const builder = new NeonEnvBuilder({ ...this.ground, directory: workplace }, this.settings);
      let passed = false;
      try {
        const env = await make(builder);
        await env.stop();
        await copyForSnapshot(env, draft);
        passed = true;
      } finally {
        await builder.env?.tearDown({ passed });
        if (passed) workplace.remove();
        else workplace.keep();
      }
    });
  }

  async #onDisk<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw orDiskFull(this.ground.directory.workPath, error);
    }
  }
}
