import { Lsn, TenantId, TimelineId } from "../../types";
import { type HostPort, parseHostPort } from "../service";

export interface SpecOption {
  name: string;
  value?: string | null;
}

export interface SpecRole {
  name: string;
  /** 32 hex digits (md5, without its prefix) or a SCRAM verifier. */
  encrypted_password?: string | null;
  options?: SpecOption[] | null;
}

export interface SpecDatabase {
  name: string;
  owner: string;
}

export interface DeltaOperation {
  action: string;
  name: string;
  new_name?: string | null;
}

export type ComputeMode = { kind: "Primary" } | { kind: "Replica" } | { kind: "Static"; lsn: Lsn };

/** What compute_ctl uses of the specification (neon-protocols §3.4). */
export interface ComputeSpec {
  tenantId: TenantId;
  timelineId: TimelineId;
  mode: ComputeMode;
  pageserverConnstring: string;
  /** One per shard. Each shard holds all WAL, so the first can give the base image. */
  pageservers: readonly [HostPort, ...HostPort[]];
  safekeepers: HostPort[];
  storageAuthToken: string | undefined;
  stripeSize: number;
  postgresqlConf: string;
  roles: SpecRole[];
  databases: SpecDatabase[];
  deltaOperations: DeltaOperation[];
  skipPgCatalogUpdates: boolean;
}

/** A spec that lacks something or has it in a wrong shape; the text is for /status and for the 422 of /configure. */
export class SpecError extends Error {
  override readonly name = "SpecError";
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function requiredText(object: Json, field: string): string {
  const value = object[field];
  if (value === undefined || value === null) throw new SpecError(`missing field \`${field}\``);
  if (typeof value !== "string") throw new SpecError(`invalid type of field \`${field}\`, expected a string`);
  return value;
}

function list<T>(value: unknown, field: string): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new SpecError(`invalid type of field \`${field}\`, expected a sequence`);
  return value as T[];
}

function parseMode(value: unknown): ComputeMode {
  if (value === undefined || value === null || value === "Primary") return { kind: "Primary" };
  if (value === "Replica") return { kind: "Replica" };
  if (isObject(value) && typeof value["Static"] === "string")
    return { kind: "Static", lsn: Lsn.parse(value["Static"]) };
  throw new SpecError(`unknown mode ${JSON.stringify(value)}, expected Primary, Replica or {"Static": lsn}`);
}

function parsePageservers(connstring: string): [HostPort, ...HostPort[]] {
  const parse = (text: string): HostPort => {
    if (!URL.canParse(text))
      throw new SpecError(`invalid pageserver_connstring ${JSON.stringify(text)}, expected a URL`);
    const { hostname, port } = new URL(text);
    return parseHostPort(`${hostname}:${port === "" ? "5432" : port}`);
  };
  const [first = "", ...others] = connstring.split(",");
  return [parse(first), ...others.map(parse)];
}

/** Reads the JSON of spec.json, or of the `spec` field of /configure. Throws SpecError. */
export function parseSpec(json: unknown): ComputeSpec {
  if (!isObject(json)) throw new SpecError("the spec is not a JSON object");
  const cluster = json["cluster"];
  if (!isObject(cluster)) throw new SpecError("missing field `cluster`");
  const pageserverConnstring = requiredText(json, "pageserver_connstring");
  const token = json["storage_auth_token"];
  const stripeSize = json["shard_stripe_size"];
  return {
    tenantId: TenantId.parse(requiredText(json, "tenant_id")),
    timelineId: TimelineId.parse(requiredText(json, "timeline_id")),
    mode: parseMode(json["mode"]),
    pageserverConnstring,
    pageservers: parsePageservers(pageserverConnstring),
    safekeepers: list<string>(json["safekeeper_connstrings"], "safekeeper_connstrings").map(parseHostPort),
    storageAuthToken: typeof token === "string" ? token : undefined,
    stripeSize: typeof stripeSize === "number" ? stripeSize : 32_768,
    postgresqlConf: typeof cluster["postgresql_conf"] === "string" ? cluster["postgresql_conf"] : "",
    roles: list<SpecRole>(cluster["roles"], "roles"),
    databases: list<SpecDatabase>(cluster["databases"], "databases"),
    deltaOperations: list<DeltaOperation>(json["delta_operations"], "delta_operations"),
    skipPgCatalogUpdates: json["skip_pg_catalog_updates"] === true,
  };
}
