import { HarnessError, TenantShardId as TenantShards } from "../types";
import type { TenantId, TenantShardId, TimelineId } from "../types";
import type { Heatmap, IndexPart, TenantManifest } from "./neon-documents";
import type { S3Fault } from "./mock-s3/faults";
import { ObjectStorage } from "./object-storage";

const INDEX = "index_part.json-";
const MANIFEST = "tenant-manifest-";

type Tenant = TenantId | TenantShardId;

/** A document that exists once per generation: the key of each, the newest generation last. */
interface Generation {
  generation: number;
  key: string;
}

const suffix = (generation: number): string => generation.toString(16).padStart(8, "0");

/** The remote storage of pageservers or safekeepers: objects, and what Neon calls them (neon-protocols §6). */
export abstract class RemoteStorage extends ObjectStorage {
  /** The `remote_storage` table of pageserver.toml, and what safekeepers get as `--remote-storage`. */
  abstract toml(): Record<string, unknown>;

  /** Of the S3 server, unless it is AWS' own or a folder. */
  get endpoint(): string | undefined {
    return undefined;
  }

  /** Lets nodes that are configured from now on go another way to it than the harness does: through a proxy. */
  nodesReachItAt(_endpoint: string): void {
    throw this.#cannot("be reached through a proxy", "a test that needs that asks for S3");
  }

  /** What the nodes need in their environment; secret. */
  abstract environment(): Record<string, string>;

  /** Lets go of it: what this test has put there is removed, and before that saved into a directory, if one is given. */
  abstract release(options?: { saveTo?: string }): Promise<void>;

  /** Makes the storage keep older versions of objects, and those of deleted ones; throws MISUSE for a folder. */
  enableVersioning(): Promise<void> {
    throw this.#cannot("keep versions", "a test that needs them asks for S3");
  }

  /** What goes wrong from now on, instead of what went wrong before; only our own server can do that. */
  setFaults(_faults: readonly S3Fault[]): Promise<void> {
    throw this.#cannot("be made to fail", "a test that needs that asks for mock_s3, without MOCK_S3_BACKEND=minio");
  }

  /** Nothing goes wrong any more. */
  clearFaults(): Promise<void> {
    return Promise.resolve();
  }

  #cannot(what: string, todo: string): HarnessError {
    return new HarnessError("MISUSE", { summary: `this remote storage can't ${what}`, found: this.describe(), todo });
  }

  tenantPath(tenant: Tenant): string {
    return `tenants/${typeof tenant === "string" ? tenant : TenantShards.format(tenant)}/`;
  }

  timelinePath(tenant: Tenant, timeline: TimelineId): string {
    return `${this.tenantPath(tenant)}timelines/${timeline}/`;
  }

  /** A layer's object; `name` is the name that the pageserver's API gives. */
  layerKey(tenant: Tenant, timeline: TimelineId, name: string, generation: number): string {
    return `${this.timelinePath(tenant, timeline)}${name}-${suffix(generation)}`;
  }

  indexKey(tenant: Tenant, timeline: TimelineId, generation: number): string {
    return `${this.timelinePath(tenant, timeline)}${INDEX}${suffix(generation)}`;
  }

  /** Safekeepers' segments of a timeline, partial ones too. */
  segmentPath(tenant: TenantId, timeline: TimelineId): string {
    return `${tenant}/${timeline}/`;
  }

  async indexGenerations(tenant: Tenant, timeline: TimelineId): Promise<Generation[]> {
    return this.#generations(this.timelinePath(tenant, timeline), INDEX);
  }

  /** The index of a generation, by default the newest; throws CHECK_FAILED when there is none. */
  async indexPart(tenant: Tenant, timeline: TimelineId, generation?: number): Promise<IndexPart> {
    const key =
      generation === undefined
        ? await this.#newest(this.timelinePath(tenant, timeline), INDEX)
        : this.indexKey(tenant, timeline, generation);
    return this.#json<IndexPart>(key);
  }

  /** Writes the newest index anew, as `edit` leaves it. */
  async editIndexPart(tenant: Tenant, timeline: TimelineId, edit: (index: IndexPart) => void): Promise<void> {
    const key = await this.#newest(this.timelinePath(tenant, timeline), INDEX);
    const index = await this.#json<IndexPart>(key);
    edit(index);
    await this.write(key, JSON.stringify(index));
  }

  /** The keys of all layers that the newest index names. */
  async layerKeys(tenant: Tenant, timeline: TimelineId): Promise<string[]> {
    const { layer_metadata: layers } = await this.indexPart(tenant, timeline);
    return Object.entries(layers).map(([name, { generation }]) =>
      this.layerKey(tenant, timeline, name, generation ?? 0),
    );
  }

  async heatmap(tenant: Tenant): Promise<Heatmap> {
    return this.#json<Heatmap>(this.heatmapKey(tenant));
  }

  async editHeatmap(tenant: Tenant, edit: (heatmap: Heatmap) => void): Promise<void> {
    const heatmap = await this.heatmap(tenant);
    edit(heatmap);
    await this.write(this.heatmapKey(tenant), JSON.stringify(heatmap));
  }

  heatmapKey(tenant: Tenant): string {
    return `${this.tenantPath(tenant)}heatmap-v1.json`;
  }

  /** The newest; undefined while the tenant has none. */
  async tenantManifest(tenant: Tenant): Promise<TenantManifest | undefined> {
    const newest = (await this.#generations(this.tenantPath(tenant), MANIFEST)).at(-1);
    return newest === undefined ? undefined : this.#json<TenantManifest>(newest.key);
  }

  async editTenantManifest(tenant: Tenant, edit: (manifest: TenantManifest) => void): Promise<void> {
    const key = await this.#newest(this.tenantPath(tenant), MANIFEST);
    const manifest = await this.#json<TenantManifest>(key);
    edit(manifest);
    await this.write(key, JSON.stringify(manifest));
  }

  async #generations(folder: string, name: string): Promise<Generation[]> {
    const found = (await this.list(`${folder}${name}`)).map(({ key }) => ({
      key,
      generation: Number.parseInt(key.slice(folder.length + name.length), 16),
    }));
    return found.sort((a, b) => a.generation - b.generation);
  }

  async #newest(folder: string, name: string): Promise<string> {
    const newest = (await this.#generations(folder, name)).at(-1);
    // Reading it says what is there instead.
    return newest?.key ?? `${folder}${name}${suffix(0)}`;
  }

  async #json<T>(key: string): Promise<T> {
    const text = (await this.read(key)).toString("utf8");
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new HarnessError("CHECK_FAILED", {
        summary: `the object ${key} is not JSON`,
        expected: "what a pageserver wrote",
        found: text.slice(0, 200),
        cause,
      });
    }
  }
}
