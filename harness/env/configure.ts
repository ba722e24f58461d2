import { join } from "node:path";
import { FailpointGuard } from "../api";
import { AuthKeys } from "../auth";
import { makeNodeDirectory, Pageserver, Safekeeper, StorageBroker, StorageController } from "../nodes";
import type { NodeContext } from "../nodes";
import { localFsStorage, remoteStorageToml } from "../storage";
import type { RemoteStorage } from "../storage";
import { ComputeHook } from "./compute-hook";
import { NeonEnv } from "./neon-env";
import type { EnvGround } from "./neon-env-builder";
import { applyOverride } from "./settings";
import type { NeonEnvSettings } from "./settings";

const AVAILABILITY_ZONE = "us-east-2a";

/** Leases the ports, makes the directories and writes the configuration of every node. */
export async function configureEnv(ground: EnvGround, settings: NeonEnvSettings): Promise<NeonEnv> {
  const repoDir = join(ground.directory.workPath, "repo");
  makeNodeDirectory({ engine: ground.engine }, repoDir);
  // As after `neon_local init`, the keys are there also where nobody asks for tokens.
  const authKeys = AuthKeys.create(repoDir, { owner: ground.engine.facts.identity });
  const context = nodeContext(ground, repoDir, settings.authEnabled ? authKeys : undefined);
  for (const dir of ["endpoints", "safekeepers"]) makeNodeDirectory(context, join(context.repoDir, dir));
  const storage = localFsStorage(context.repoDir, "pageserver");
  makeNodeDirectory(context, join(context.repoDir, "local_fs_remote_storage"));
  makeNodeDirectory(context, storage.root);

  const broker = new StorageBroker(context, await ground.ports.next());
  const computeHook = new ComputeHook(await ground.ports.next());
  const storageController = await newStorageController(context, ground, settings, computeHook);
  const pageservers = await newPageservers(context, ground, settings, { broker, storageController, storage });
  const safekeepers = await newSafekeepers(context, ground, settings, broker);
  for (const node of [storageController, ...pageservers, ...safekeepers]) node.writeConfig();
  const nodes = { broker, storageController, pageservers, safekeepers };
  return new NeonEnv({ ...ground, context, settings, ...nodes, computeHook, storage, authKeys });
}

function nodeContext(ground: EnvGround, repoDir: string, authKeys: AuthKeys | undefined): NodeContext {
  return {
    engine: ground.engine,
    repoDir,
    authKeys,
    failpointGuard: new FailpointGuard(),
    environment: {
      ...ground.engine.facts.environment,
      NEON_REPO_DIR: repoDir,
      RUST_BACKTRACE: "1",
      ...(process.env["RUST_LOG"] === undefined ? {} : { RUST_LOG: process.env["RUST_LOG"] }),
    },
  };
}

async function newStorageController(
  context: NodeContext,
  ground: EnvGround,
  settings: NeonEnvSettings,
  computeHook: ComputeHook,
): Promise<StorageController> {
  const ports = { http: await ground.ports.next(), database: await ground.ports.next() };
  return new StorageController(context, ports, {
    computeHookUrl: computeHook.url,
    ...settings.storageControllerConfig,
  });
}

async function newPageservers(
  context: NodeContext,
  ground: EnvGround,
  settings: NeonEnvSettings,
  parts: { broker: StorageBroker; storageController: StorageController; storage: RemoteStorage },
): Promise<Pageserver[]> {
  const pageservers: Pageserver[] = [];
  for (let id = 1; id <= settings.numPageservers; id += 1) {
    const [pgPort, httpPort] = [await ground.ports.next(), await ground.ports.next()];
    const config: Record<string, unknown> = {
      pg_distrib_dir: context.engine.facts.pgDistribDir,
      broker_endpoint: parts.broker.url,
      control_plane_api: `${parts.storageController.url}/upcall/v1`,
      remote_storage: remoteStorageToml(parts.storage),
      listen_pg_addr: `127.0.0.1:${pgPort}`,
      listen_http_addr: `127.0.0.1:${httpPort}`,
      ...authConfig(context.authKeys),
      availability_zone: AVAILABILITY_ZONE,
      no_sync: true,
      page_service_pipelining: { mode: "pipelined", execution: "concurrent-futures", max_batch_size: 32 },
    };
    const node = { id, pgPort, httpPort, availabilityZone: AVAILABILITY_ZONE };
    const overridden = applyOverride(config, settings.pageserverConfigOverride);
    pageservers.push(new Pageserver(context, { ...node, config: overridden }, parts.storageController));
  }
  return pageservers;
}

/** The key stands one level above the pageserver's directory. */
function authConfig(keys: AuthKeys | undefined): Record<string, unknown> {
  if (keys === undefined) return { pg_auth_type: "Trust", http_auth_type: "Trust" };
  return {
    pg_auth_type: "NeonJWT",
    http_auth_type: "NeonJWT",
    auth_validation_public_key_path: "../auth_public_key.pem",
    // The pageserver shows it to the storage controller.
    control_plane_api_token: keys.generateToken("generations_api"),
  };
}

async function newSafekeepers(
  context: NodeContext,
  ground: EnvGround,
  settings: NeonEnvSettings,
  broker: StorageBroker,
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
      }),
    );
  }
  return safekeepers;
}
