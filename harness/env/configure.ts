import { basename, join } from "node:path";
import { FailpointGuard } from "../api";
import { NetworkProxy } from "../faults";
import { HarnessError } from "../types";
import { AuthKeys } from "../auth";
import { mixVersions } from "../engine";
import { ControllerProxy, makeNodeDirectory, Safekeeper, StorageBroker, StorageController } from "../nodes";
import type { NodeContext } from "../nodes";
import { openRemoteStorage } from "../storage";
import type { RemoteStorage, RemoteStorageKind, StorageUser } from "../storage";
import { ComputeHook } from "./compute-hook";
import { newPageservers } from "./configure-pageservers";
import { NeonEnv } from "./neon-env";
import type { EnvGround } from "./neon-env-builder";
import type { NeonEnvSettings } from "./settings";

/** Leases the ports, makes the directories and writes the configuration of every node. */
export async function configureEnv(given: EnvGround, settings: NeonEnvSettings): Promise<NeonEnv> {
  const versions = settings.versionCombination;
  const mixDir = join(given.directory.workPath, "mixdir_neon");
  const ground = versions === undefined ? given : { ...given, engine: mixVersions(given.engine, versions, mixDir) };
  const repoDir = join(ground.directory.workPath, "repo");
  makeNodeDirectory({ engine: ground.engine }, repoDir);
  // As after `neon_local init`, the keys are there also where nobody asks for tokens.
  const authKeys = AuthKeys.create(repoDir, { owner: ground.engine.facts.identity });
  const context = nodeContext(ground, settings, { repoDir, authKeys });
  for (const dir of ["endpoints", "safekeepers"]) makeNodeDirectory(context, join(repoDir, dir));
  const storage = await openStorage(ground, repoDir, "pageserver", settings.pageserverRemoteStorage);
  const safekeeperKind = settings.safekeepersRemoteStorage;
  const walStorage =
    safekeeperKind === undefined ? undefined : await openStorage(ground, repoDir, "safekeeper", safekeeperKind);
  const remoteStorageProxy = settings.remoteStorageProxy ? await proxyBefore([storage, walStorage]) : undefined;
  const broker = new StorageBroker(context, await ground.ports.next());
  const computeHook = new ComputeHook(await ground.ports.next());
  const storageControllerProxy = settings.storageControllerProxy
    ? new ControllerProxy(await ground.ports.next())
    : undefined;
  const ports = { http: await ground.ports.next(), database: await ground.ports.next() };
  const storageController = new StorageController(context, {
    ...{ instanceId: 1, ports, proxyUrl: storageControllerProxy?.url },
    config: {
      computeHookUrl: settings.controlPlaneComputeHookApi ?? computeHook.url,
      ...settings.storageControllerConfig,
    },
  });
  const pageservers = await newPageservers(context, ground, settings, { broker, storageController, storage });
  const safekeepers = await newSafekeepers(context, ground, settings, { broker, walStorage });
  for (const node of [storageController, ...pageservers, ...safekeepers]) node.writeConfig();
  const nodes = { broker, storageController, storageControllerProxy, pageservers, safekeepers };
  return new NeonEnv({
    ...ground,
    context,
    settings,
    ...nodes,
    computeHook,
    storage,
    walStorage,
    remoteStorageProxy,
    authKeys,
  });
}

/** One for all nodes: whatever they keep in S3 is on one server. Throws MISUSE where it is in a folder. */
async function proxyBefore(storages: readonly (RemoteStorage | undefined)[]): Promise<NetworkProxy> {
  const given = storages.filter((storage) => storage !== undefined);
  const [endpoint] = given.map((storage) => storage.endpoint);
  if (endpoint === undefined) {
    throw new HarnessError("MISUSE", {
      summary: "remoteStorageProxy stands before an S3 server",
      expected: "mock_s3, or a real_s3 with an end point of its own",
      found: given.map((storage) => storage.describe()).join("; "),
      todo: 'call enablePageserverRemoteStorage("mock_s3"), too',
    });
  }
  const { hostname: host, port } = new URL(endpoint);
  const proxy = await NetworkProxy.start({ host, port: Number(port) });
  for (const storage of given) storage.nodesReachItAt(`http://127.0.0.1:${proxy.port}`);
  return proxy;
}

function openStorage(
  { directory, engine, ports }: EnvGround,
  repoDir: string,
  user: StorageUser,
  kind: RemoteStorageKind,
): Promise<RemoteStorage> {
  const owner = engine.facts.identity;
  return openRemoteStorage(kind, { user, repoDir, owner, ports, testName: basename(directory.path) });
}

function nodeContext(
  ground: EnvGround,
  settings: NeonEnvSettings,
  { repoDir, authKeys }: { repoDir: string; authKeys: AuthKeys },
): NodeContext {
  const rustLog = settings.rustLogOverride ?? process.env["RUST_LOG"];
  return {
    engine: ground.engine,
    repoDir,
    authKeys: settings.authEnabled ? authKeys : undefined,
    failpointGuard: new FailpointGuard(),
    environment: {
      ...ground.engine.facts.environment,
      NEON_REPO_DIR: repoDir,
      RUST_BACKTRACE: "1",
      ...(rustLog === undefined ? {} : { RUST_LOG: rustLog }),
    },
  };
}

async function newSafekeepers(
  context: NodeContext,
  ground: EnvGround,
  settings: NeonEnvSettings,
  { broker, walStorage }: { broker: StorageBroker; walStorage: RemoteStorage | undefined },
): Promise<Safekeeper[]> {
  const safekeepers: Safekeeper[] = [];
  for (let n = 1; n <= settings.numSafekeepers; n += 1) {
    safekeepers.push(
      new Safekeeper(context, {
        id: settings.safekeepersIdStart + n,
        pgPort: await ground.ports.next(),
        pgTenantOnlyPort: await ground.ports.next(),
        httpPort: await ground.ports.next(),
        brokerUrl: broker.url,
        fsync: settings.safekeepersEnableFsync,
        extraOptions: settings.safekeeperExtraOptions,
        remoteStorage: walStorage,
      }),
    );
  }
  return safekeepers;
}
