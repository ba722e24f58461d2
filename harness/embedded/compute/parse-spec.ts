import { readFile } from "node:fs/promises";
import { Lsn, TenantId, TimelineId } from "../../types";
import { errorText, type HostPort, parseHostPort, parseJson } from "../service";
import type { ComputeMode, ComputeSpec, DeltaOperation, SpecDatabase, SpecOption, SpecRole } from "./spec";

/** A spec whose JSON is not of the right shape; the text is for /status and for the 422 of /configure. */
export class SpecError extends Error {
  override readonly name = "SpecError";
}

/** A spec of the right shape without what the compute needs: 400. */
export class IncompleteSpecError extends Error {
  override readonly name = "IncompleteSpecError";
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function optionalText(object: Json, field: string): string | undefined {
  const value = object[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new SpecError(`${field}: invalid type, expected a string`);
  return value;
}

/** Elements are objects with texts in `required`, as far as anyone here reads them. */
function list<T>(value: unknown, field: string, required: readonly string[] = []): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new SpecError(`${field}: invalid type, expected a sequence`);
  for (const [index, item] of (value as unknown[]).entries()) {
    const missing = required.find((name) => !isObject(item) || typeof item[name] !== "string");
    if (missing !== undefined) throw new SpecError(`${field}[${index}]: missing field \`${missing}\``);
  }
  return value as T[];
}

function parseMode(value: unknown): ComputeMode {
  if (value === undefined || value === null || value === "Primary") return { kind: "Primary" };
  if (value === "Replica") return { kind: "Replica" };
  if (isObject(value) && typeof value["Static"] === "string") {
    return { kind: "Static", lsn: read("mode", value["Static"], Lsn.parse) };
  }
  const expected = "expected one of `Primary`, `Static`, `Replica`";
  throw new SpecError(`mode: unknown variant ${JSON.stringify(value)}, ${expected}`);
}

function read<T>(field: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch {
    throw new SpecError(`${field}: invalid value ${JSON.stringify(text)}`);
  }
}

function parsePageservers(connstring: string): [HostPort, ...HostPort[]] {
  const parse = (text: string): HostPort => {
    const { hostname, port } = new URL(text);
    return parseHostPort(`${hostname}:${port === "" ? "5432" : port}`);
  };
  const [first = "", ...others] = connstring.split(",");
  const field = "pageserver_connstring";
  return [read(field, first, parse), ...others.map((text) => read(field, text, parse))];
}

function requireObject(value: unknown, field: string): Json {
  if (value === undefined) throw new SpecError(`missing field \`${field}\``);
  if (!isObject(value)) throw new SpecError(`${field}: invalid type, expected a map`);
  return value;
}

function requireField(json: Json, field: string): void {
  if (json[field] === undefined) throw new SpecError(`missing field \`${field}\``);
}

function jwksRoles(json: Json): ReadonlySet<string> {
  const proxy = json["local_proxy_config"];
  const settings = list<{ role_names?: string[] }>(isObject(proxy) ? proxy["jwks"] : undefined, "jwks");
  return new Set(settings.flatMap((each) => each.role_names ?? []));
}

/** Older control planes name the storage in settings of Postgres instead. Throws IncompleteSpecError where none does. */
function storageOf(json: Json, settings: readonly SpecOption[], mode: ComputeMode) {
  const setting = (name: string) => settings.find((each) => each.name === name)?.value ?? undefined;
  const find = (field: string, name: string, what: string): string => {
    const text = optionalText(json, field) ?? setting(name);
    if (text === undefined) throw new IncompleteSpecError(`${what} should be provided`);
    return text;
  };
  const pageserverConnstring = find("pageserver_connstring", "neon.pageserver_connstring", "pageserver connstr");
  const named = list<string>(json["safekeeper_connstrings"], "safekeeper_connstrings");
  const fallback = mode.kind === "Primary" ? (setting("neon.safekeepers")?.split(",") ?? []) : [];
  const safekeepers = named.length > 0 ? named : fallback;
  if (safekeepers.length === 0 && mode.kind === "Primary") {
    throw new IncompleteSpecError("safekeeper connstrings should be provided");
  }
  return {
    tenantId: read("tenant_id", find("tenant_id", "neon.tenant_id", "tenant id"), TenantId.parse),
    timelineId: read("timeline_id", find("timeline_id", "neon.timeline_id", "timeline id"), TimelineId.parse),
    pageserverConnstring,
    pageservers: parsePageservers(pageserverConnstring),
    safekeepers: safekeepers.map((text) => read("safekeeper_connstrings", text, parseHostPort)),
  };
}

/** Reads spec.json. Rejects with the file's name and what is wrong with it. */
export async function readSpecFile(path: string): Promise<ComputeSpec> {
  const fail = (error: unknown): never => {
    throw new Error(`the specification ${path} can't be used: ${errorText(error)}`);
  };
  const text = await readFile(path, "utf8").catch(fail);
  try {
    return parseSpec(parseJson(text));
  } catch (error) {
    return fail(error);
  }
}

/** Reads the JSON of spec.json, or of the `spec` field of /configure. Throws SpecError or IncompleteSpecError. */
export function parseSpec(value: unknown): ComputeSpec {
  const json = requireObject(value, "spec");
  requireField(json, "format_version");
  const cluster = requireObject(json["cluster"], "cluster");
  for (const field of ["roles", "databases"]) requireField(cluster, field);
  const stripeSize = json["shard_stripe_size"];
  const settings = list<SpecOption>(cluster["settings"], "settings", ["name"]);
  const mode = parseMode(json["mode"]);
  return {
    ...storageOf(json, settings, mode),
    mode,
    settings,
    storageAuthToken: optionalText(json, "storage_auth_token"),
    stripeSize: typeof stripeSize === "number" ? stripeSize : 32_768,
    postgresqlConf: optionalText(cluster, "postgresql_conf") ?? "",
    roles: list<SpecRole>(cluster["roles"], "roles", ["name"]),
    databases: list<SpecDatabase>(cluster["databases"], "databases", ["name", "owner"]),
    deltaOperations: list<DeltaOperation>(json["delta_operations"], "delta_operations", ["action", "name"]),
    jwksRoles: jwksRoles(json),
    skipPgCatalogUpdates: json["skip_pg_catalog_updates"] === true,
    operation: optionalText(json, "operation_uuid") ?? "unknown",
  };
}
