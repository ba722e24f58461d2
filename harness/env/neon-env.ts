import { join } from "node:path";
import { checkLogs, checkRemoteStorage, checkRunning } from "../checks";
import type { ScrubReport } from "../checks";
import { bringDataHome, NeonNode } from "../nodes";
import { EnvTenants } from "./env-tenants";
import { settleAll, throwAll } from "./settle";

/** A configured Neon of one test's own. */
export class NeonEnv extends EnvTenants implements AsyncDisposable {
  /** Starts all storage nodes in parallel; resolves when each is ready and the controller sees the pageservers. */
  async start(): Promise<void> {
    const { computeHook, storageControllerProxy } = this.parts;
    await Promise.all([computeHook.listen(), storageControllerProxy?.listen()]);
    storageControllerProxy?.routeTo(this.storageController.ownUrl);
    const nodes = [this.storageController, this.broker, ...this.safekeepers, ...this.pageservers];
    await settleAll("start", nodes, this.#startInOrder());
    await this.storageController.waitUntilActive(this.pageservers.map((ps) => ps.id));
  }

  /**
   * Everything at once, but for pageservers that would take a second to try again to reach the controller: they come
   * when it is ready. One that knows them looks for them before it is, for up to ten seconds: then they come when it listens.
   */
  #startInOrder(): (node: NeonNode) => Promise<void> {
    const controllerReady = this.storageController.start();
    const first = this.engine.facts.pageserversNeedController
      ? this.#controllerFor(controllerReady)
      : Promise.resolve();
    const pageservers = new Set<NeonNode>(this.pageservers);
    return async (node) => {
      if (node === this.storageController) return controllerReady;
      if (pageservers.has(node)) await first;
      await node.start();
    };
  }

  async #controllerFor(ready: Promise<void>): Promise<void> {
    if (!this.storageController.knowsPageservers) return ready;
    // A controller that dies never listens.
    await Promise.race([ready, this.storageController.waitUntilListening()]);
  }

  /**
   * Stops computes first, then all storage nodes in parallel, and reports every failure. With `immediate` nothing is
   * flushed or uploaded. The environment can be started again.
   */
  async stop(options: { immediate?: boolean } = {}): Promise<void> {
    const failures: unknown[] = [];
    const keep = (error: unknown): void => void failures.push(error);
    await this.endpoints.stopAll(options).catch(keep);
    await settleAll("stop", this.storageNodes(), (node) => node.stop(options)).catch(keep);
    throwAll("stop the environment", failures);
  }

  /**
   * The end of a test: checks what must hold while the nodes run, stops everything, checks the logs, kills what is
   * left, and reports every failure. `passed: false` leaves the checks out, for the test's own error says more.
   */
  async tearDown(options: { passed: boolean }): Promise<void> {
    const failures: unknown[] = [];
    const attempt = async (step: () => Promise<void> | void): Promise<void> => {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    };
    // A node that stands at a failpoint would not stop.
    await attempt(async () => this.parts.context.failpointGuard?.clear());
    if (options.passed) await attempt(() => checkRunning(this));
    // Nobody will ask the computes for anything more; what they have written is with the safekeepers.
    await attempt(() => this.endpoints.stopAll({ immediate: true }));
    await attempt(() => settleAll("stop", this.proposers, (proposer) => proposer.stop({ immediate: true })));
    await attempt(() => this.stop({ immediate: !options.passed }));
    if (options.passed) await attempt(() => checkLogs(this));
    if (options.passed) await attempt(() => this.#scrubAtTheEnd());
    await attempt(() => this.discard({ saveRemoteStorage: failures.length > 0 || !options.passed }));
    throwAll("tear down the environment", failures);
  }

  /** Kills what is left and frees what stands outside of the test's directory. */
  async discard(options: { saveRemoteStorage?: boolean } = {}): Promise<void> {
    const { database } = this.storageController;
    const nodes = [
      ...this.endpoints.all,
      ...this.proposers,
      ...this.storageNodes(),
      ...(database === undefined ? [] : [database]),
    ];
    try {
      await NeonNode.killAtOnce(nodes);
      await settleAll("kill", nodes, (node) => node.kill9());
    } finally {
      await Promise.all([this.parts.computeHook.close(), this.parts.storageControllerProxy?.close()]);
      if (this.parts.settings.preserveDatabaseFiles) bringDataHome(this.repoDir);
      database?.removeData();
      this.endpoints.removeData();
      await this.parts.remoteStorageProxy?.close();
      await this.#releaseRemoteStorage(options.saveRemoteStorage ?? false);
    }
  }

  /**
   * Holds every index of the pageservers' remote storage against the objects, which nobody may change meanwhile; where the
   * engine has storage_scrubber, that does so, too. Throws CHECK_FAILED for damage.
   */
  scrubRemoteStorage(): Promise<ScrubReport> {
    const hasScrubber = this.engine.facts.features.has("storage_scrubber");
    return checkRemoteStorage(this.parts.storage, hasScrubber ? this.storageScrubber : undefined);
  }

  async #scrubAtTheEnd(): Promise<void> {
    const { settings, storage } = this.parts;
    if (!settings.scrubOnExit || storage.kind === "local_fs") return;
    // Listings that lag would look like damage.
    await storage.clearFaults();
    await this.scrubRemoteStorage();
  }

  /** What a failed test had in a bucket is saved where a local folder would have stood. */
  async #releaseRemoteStorage(save: boolean): Promise<void> {
    for (const [user, one] of this.remoteStorages) {
      await one.release(save ? { saveTo: join(this.repoDir, "remote_storage", user) } : {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.discard();
  }
}
