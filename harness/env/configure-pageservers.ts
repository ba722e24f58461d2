import type { AuthKeys } from "../auth";
import { Pageserver } from "../nodes";
import type { NodeContext, StorageBroker, StorageController } from "../nodes";
import type { RemoteStorage } from "../storage";
import type { EnvGround } from "./neon-env-builder";
import type { ConfigOverride, NeonEnvSettings } from "./settings";

type Json = Record<string, unknown>;

interface Parts {
  broker: StorageBroker;
  storageController: StorageController;
  storage: RemoteStorage;
}

const FIRST_ZONE = "us-east-2a";

/** Pageservers 1, 2, …, with everything that pageserver.toml of each has. */
export async function newPageservers(
  context: NodeContext,
  ground: EnvGround,
  settings: NeonEnvSettings,
  parts: Parts,
): Promise<Pageserver[]> {
  const pageservers: Pageserver[] = [];
  for (let id = 1; id <= settings.numPageservers; id += 1) {
    const [pgPort, httpPort] = [await ground.ports.next(), await ground.ports.next()];
    const base = {
      pg_distrib_dir: context.engine.facts.pgDistribDir,
      broker_endpoint: parts.broker.url,
      control_plane_api: `${parts.storageController.url}/upcall/v1`,
      remote_storage: parts.storage.toml(),
      listen_pg_addr: `127.0.0.1:${pgPort}`,
      listen_http_addr: `127.0.0.1:${httpPort}`,
      ...authConfig(context.authKeys),
      availability_zone: zoneOf(id, settings.numAzs),
      no_sync: true,
      ...chosenConfig(settings),
    };
    const config = applyOverride(base, settings.pageserverConfigOverride, id);
    const availabilityZone = String(config["availability_zone"]);
    const environment = parts.storage.environment();
    const own = { id, pgPort, httpPort, availabilityZone, config, environment };
    pageservers.push(new Pageserver(context, own, parts.storageController));
  }
  return pageservers;
}

/** us-east-2a, us-east-2b, …, in turn. */
function zoneOf(id: number, numAzs: number): string {
  const letter = String.fromCharCode("a".charCodeAt(0) + ((id - 1) % numAzs));
  return `${FIRST_ZONE.slice(0, -1)}${letter}`;
}

/** The key stands one level above the pageserver's directory. */
function authConfig(keys: AuthKeys | undefined): Json {
  if (keys === undefined) return { pg_auth_type: "Trust", http_auth_type: "Trust" };
  return {
    pg_auth_type: "NeonJWT",
    http_auth_type: "NeonJWT",
    auth_validation_public_key_path: "../auth_public_key.pem",
    // The pageserver shows it to the storage controller.
    control_plane_api_token: keys.generateToken("generations_api"),
  };
}

function chosenConfig(settings: NeonEnvSettings): Json {
  const { pageserverVirtualFileIoEngine: engine, pageserverVirtualFileIoMode: mode } = settings;
  const compaction = settings.pageserverDefaultTenantConfigCompactionAlgorithm;
  return {
    // An earlier release may not know it, and refuses what it doesn't know.
    ...(settings.versionCombination?.pageserver === "old" ? {} : { page_service_pipelining: PIPELINING }),
    wal_receiver_protocol: WAL_RECEIVER_PROTOCOLS[settings.pageserverWalReceiverProtocol],
    ...(engine === undefined ? {} : { virtual_file_io_engine: engine }),
    ...(mode === undefined ? {} : { virtual_file_io_mode: mode }),
    ...(compaction === undefined ? {} : { tenant_config: { compaction_algorithm: compaction } }),
  };
}

const PIPELINING = { mode: "pipelined", execution: "concurrent-futures", max_batch_size: 32 } as const;

const WAL_RECEIVER_PROTOCOLS = {
  vanilla: { type: "vanilla" },
  interpreted: { type: "interpreted", args: { format: "protobuf", compression: { zstd: { level: 1 } } } },
} as const;

/** Tables are merged, everything else is replaced. */
function applyOverride(config: Json, override: ConfigOverride | undefined, id: number): Json {
  if (override === undefined) return config;
  if (typeof override === "object") return mergeTables(config, override);
  override(config, { id });
  return config;
}

function mergeTables(base: Json, over: Json): Json {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    merged[key] = isTable(old) && isTable(value) ? mergeTables(old, value) : value;
  }
  return merged;
}

function isTable(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
