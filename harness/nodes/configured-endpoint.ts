import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mergeSpec } from "./compute-spec";
import type { ComputeLocation } from "./compute-spec";
import { makeNodeDirectory, writeNodeFile } from "./context";
import type { NodeContext } from "./context";
import { makeDataDirectory, removeDataDirectory } from "./data-directory";
import { endpointConfigLines, newEndpointJson } from "./endpoint-config";
import type { EndpointIdentity, EndpointJson } from "./endpoint-config";
import { checkLocalFileCacheLines, localFileCacheLines, usesLocalFileCache } from "./local-file-cache";
import { PostgresNode } from "./postgres-node";
import type { Safekeeper } from "./safekeeper";
import type { SqlTarget } from "./sql";

export interface EndpointSettings extends EndpointIdentity {
  /** All of the environment's. */
  safekeepers: readonly Safekeeper[];
  /** Where the tenant's pages are now: at this pageserver, or where the storage controller says. */
  locate: (pageserverId: number | undefined) => Promise<ComputeLocation>;
  /** Appended to postgresql.conf, so they win. */
  configLines?: readonly string[];
  /** The pageserver to use instead of the one that the storage controller names. */
  pageserverId?: number | undefined;
}

/** The directory of an endpoint: endpoint.json and postgresql.conf are what it is, spec.json is its present start. */
export abstract class ConfiguredEndpoint extends PostgresNode {
  readonly name: string;
  readonly settings: EndpointSettings;
  readonly dir: string;
  #dataDir: string | undefined;

  constructor(context: NodeContext, settings: EndpointSettings) {
    super(context);
    this.settings = settings;
    this.name = settings.id;
    this.dir = join(context.repoDir, "endpoints", settings.id);
  }

  get logPath(): string {
    return join(this.dir, "compute.log");
  }

  get pgdata(): string {
    return join(this.dir, "pgdata");
  }

  get pgPort(): number {
    return this.settings.pgPort;
  }

  /** The file of the local file cache, for engines that have one. */
  get lfcPath(): string {
    return join(this.dir, "file_cache", "file.cache");
  }

  /** The postgresql.conf from which each start, and each reconfiguration, makes the one of the data directory. */
  get configFilePath(): string {
    return join(this.dir, "postgresql.conf");
  }

  /** Writes endpoint.json and postgresql.conf; nothing runs yet. */
  create(): void {
    makeNodeDirectory(this.context, this.dir);
    const onTmpfs = this.context.engine.facts.computeDataOnTmpfs;
    this.#dataDir ??= makeDataDirectory(this.context, this.pgdata, { onTmpfs });
    this.writeJson("endpoint.json", newEndpointJson(this.settings));
    const lines = [...endpointConfigLines(this.settings, this.settings.safekeepers), ...this.#cacheLines()];
    writeNodeFile(this.context, this.configFilePath, `${lines.join("\n")}\n`);
    this.config(this.settings.configLines ?? []);
  }

  #cacheLines(): string[] {
    if (!usesLocalFileCache() || !this.context.engine.facts.features.has("neon_extension")) return [];
    makeNodeDirectory(this.context, join(this.dir, "file_cache"));
    return localFileCacheLines(this.lfcPath);
  }

  /** Appends lines to postgresql.conf; they hold from the next start, or `reconfigure`, on. */
  config(lines: readonly string[]): void {
    checkLocalFileCacheLines(lines);
    if (lines.length > 0) appendFileSync(this.configFilePath, `${lines.join("\n")}\n`);
  }

  /** Changes endpoint.json, e.g. `{ skip_pg_catalog_updates: false }`; it holds from the next start on. */
  respec(changes: Partial<EndpointJson>): void {
    this.writeJson("endpoint.json", { ...this.readJson("endpoint.json"), ...changes });
  }

  /** Changes the specification of the present start, objects one level deep; `reconfigure` brings it to the compute. */
  respecDeep(changes: Record<string, unknown>): void {
    this.writeJson("spec.json", mergeSpec(this.readJson("spec.json"), changes));
  }

  /** The extensions that the next start offers for download, as the control plane would name them. */
  createRemoteExtensionSpec(spec: unknown): void {
    this.writeJson("remote_extensions_spec.json", spec);
  }

  protected readRemoteExtensionSpec(): unknown {
    const exists = existsSync(join(this.dir, "remote_extensions_spec.json"));
    return exists ? this.readJson("remote_extensions_spec.json") : undefined;
  }

  protected readPostgresqlConf(): string {
    return readFileSync(this.configFilePath, "utf8");
  }

  protected readJson(name: string): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.dir, name), "utf8")) as Record<string, unknown>;
  }

  protected writeJson(name: string, value: unknown): void {
    writeNodeFile(this.context, join(this.dir, name), JSON.stringify(value, null, 2));
  }

  /** Frees the data directory, which may stand on tmpfs. */
  removeData(): void {
    if (this.#dataDir !== undefined) removeDataDirectory(this.#dataDir);
    this.#dataDir = undefined;
  }

  protected sqlTarget(): SqlTarget {
    return { name: this.name, host: "127.0.0.1", port: this.pgPort, user: "cloud_admin", database: "postgres" };
  }
}
