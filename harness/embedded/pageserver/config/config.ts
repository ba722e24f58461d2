import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type HostPort, parseHostPort, readToml, unlessMissing } from "../../service";
import { parseDuration } from "./duration";
import { KNOWN_KEYS } from "./known-keys";
import { parseTenantConf, type TenantConf } from "./tenant-conf";

/** What the node tells the storage controller about itself (metadata.json). */
export interface NodeMetadata {
  readonly host: string;
  readonly port: number;
  readonly http_host: string;
  readonly http_port: number;
  readonly availability_zone_id?: string;
}

export interface PageserverConfig {
  readonly id: number;
  /** The directory given with -D; also the working directory of the process. */
  readonly workdir: string;
  readonly pgDistribDir: string;
  readonly brokerEndpoint: string;
  /** Base URL of the upcalls, or undefined where no storage controller is configured. */
  readonly controlPlaneApi: string | undefined;
  readonly controlPlaneToken: string | undefined;
  /** Whether clients of the port need a token, and the file or directory of the keys that may have signed it. */
  readonly httpAuth: boolean;
  readonly pgAuth: boolean;
  readonly authKeyPath: string | undefined;
  /** What this node shows to safekeepers. */
  readonly safekeeperToken: string | undefined;
  /** The table `remote_storage`. */
  readonly remoteStorage: unknown;
  /** How many tries of every remote operation fail before one succeeds. */
  readonly testRemoteFailures: number;
  readonly listenPg: HostPort;
  readonly listenHttp: HostPort;
  readonly availabilityZone: string | undefined;
  readonly noSync: boolean;
  readonly waitLsnTimeoutMs: number;
  readonly tenantConf: TenantConf;
  readonly metadata: NodeMetadata | undefined;
  /** Where initdb templates are kept between runs. */
  readonly cacheDir: string;
}

type Raw = Record<string, unknown>;

function text(raw: Raw, key: string): string | undefined {
  const value = raw[key];
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new Error(`pageserver.toml: ${key} must be a string`);
  return value;
}

function required(raw: Raw, key: string): string {
  const value = text(raw, key);
  if (value === undefined) throw new Error(`pageserver.toml: ${key} is missing`);
  return value;
}

/** 0 when it isn't given. */
function wholeNumber(raw: Raw, key: string): number {
  const value = raw[key] ?? 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new Error(`pageserver.toml: ${key} must be a whole number`);
}

function refuseUnknownKeys(raw: Raw): void {
  const unknown = Object.keys(raw).find((key) => !KNOWN_KEYS.has(key));
  if (unknown !== undefined) throw new Error(`pageserver.toml: unknown field \`${unknown}\``);
}

function usesTokens(raw: Raw, key: "pg_auth_type" | "http_auth_type"): boolean {
  const type = text(raw, key) ?? "Trust";
  if (type !== "Trust" && type !== "NeonJWT") {
    throw new Error(`pageserver.toml: ${key} is ${type}, expected Trust or NeonJWT`);
  }
  if (type === "NeonJWT" && text(raw, "auth_validation_public_key_path") === undefined) {
    throw new Error(`pageserver.toml: auth_validation_public_key_path is missing, which ${key} NeonJWT needs`);
  }
  return type === "NeonJWT";
}

function keyPath(raw: Raw, workdir: string): string | undefined {
  const path = text(raw, "auth_validation_public_key_path");
  return path === undefined ? undefined : resolve(workdir, path);
}

async function readMetadata(workdir: string): Promise<NodeMetadata | undefined> {
  const text = await unlessMissing(readFile(join(workdir, "metadata.json"), "utf8"));
  return text === undefined ? undefined : (JSON.parse(text) as NodeMetadata);
}

const defaultCacheDir = (): string => join(tmpdir(), `neon-embedded-cache-${process.getuid?.() ?? 0}`);

/** Reads identity.toml, pageserver.toml and metadata.json of a node directory; an unknown key is fatal, as in Neon. */
export async function loadConfig(workdir: string): Promise<PageserverConfig> {
  const identity = (await readToml(join(workdir, "identity.toml"))) as { id?: unknown };
  if (typeof identity.id !== "number") throw new Error("identity.toml: id is missing");
  const raw: Raw = await readToml(join(workdir, "pageserver.toml"));
  refuseUnknownKeys(raw);
  return {
    id: identity.id,
    workdir,
    pgDistribDir: resolve(workdir, required(raw, "pg_distrib_dir")),
    brokerEndpoint: required(raw, "broker_endpoint"),
    controlPlaneApi: text(raw, "control_plane_api"),
    controlPlaneToken: text(raw, "control_plane_api_token"),
    httpAuth: usesTokens(raw, "http_auth_type"),
    pgAuth: usesTokens(raw, "pg_auth_type"),
    authKeyPath: keyPath(raw, workdir),
    safekeeperToken: process.env["NEON_AUTH_TOKEN"],
    remoteStorage: raw["remote_storage"],
    testRemoteFailures: wholeNumber(raw, "test_remote_failures"),
    listenPg: parseHostPort(required(raw, "listen_pg_addr")),
    listenHttp: parseHostPort(required(raw, "listen_http_addr")),
    availabilityZone: text(raw, "availability_zone"),
    noSync: raw["no_sync"] === true,
    waitLsnTimeoutMs: parseDuration(text(raw, "wait_lsn_timeout") ?? "300s"),
    tenantConf: parseTenantConf((raw["tenant_config"] ?? {}) as Raw),
    metadata: await readMetadata(workdir),
    cacheDir: process.env["NEON_EMBEDDED_CACHE"] ?? defaultCacheDir(),
  };
}
