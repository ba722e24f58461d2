import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Lsn } from "../../../types";
import { stats } from "../stats";
import { formatLayerName, type LayerName, localLayerFile } from "./layer-name";

/** Brings a layer's file from remote storage to the local path. */
export type LayerDownload = (layer: Layer) => Promise<void>;

export interface LayerFacts {
  readonly name: LayerName;
  readonly fileSize: number;
  readonly generation: number;
  /** `NNCC` of the shard that wrote the layer, which may have been split since; undefined: an unsharded tenant. */
  readonly shard?: string | undefined;
}

/** A finished layer file of one timeline; it may be on this disk, in remote storage, or both. It never changes. */
export class Layer {
  readonly name: LayerName;
  readonly fileName: string;
  readonly fileSize: number;
  readonly generation: number;
  readonly shard: string | undefined;
  readonly path: string;
  /** When the file came to this disk, and when it was last read (ms since 1970; 0 = never). */
  residenceTime = Date.now();
  accessTime = 0;
  resident: boolean;
  #downloading: Promise<void> | undefined;
  readonly #download: LayerDownload;

  constructor(timelineDir: string, facts: LayerFacts, resident: boolean, download: LayerDownload) {
    this.name = facts.name;
    this.fileName = formatLayerName(facts.name);
    this.fileSize = facts.fileSize;
    this.generation = facts.generation;
    this.shard = facts.shard;
    this.path = join(timelineDir, localLayerFile(this.fileName, facts.generation));
    this.resident = resident;
    this.#download = download;
  }

  /** The WAL bytes of a delta: [start, end). */
  get walRange(): { start: Lsn; end: Lsn } | undefined {
    if (this.name.kind !== "delta") return undefined;
    return { start: this.name.lsnStart - 1n, end: this.name.lsnEnd - 1n };
  }

  /** Makes sure that the file is on this disk and notes the access. */
  async touch(): Promise<void> {
    this.accessTime = Date.now();
    if (this.resident) return;
    this.#downloading ??= this.#fetch().finally(() => (this.#downloading = undefined));
    await this.#downloading;
  }

  async #fetch(): Promise<void> {
    await this.#download(this);
    const { size } = await stat(this.path);
    if (size !== this.fileSize) {
      throw new Error(`downloaded layer ${this.fileName} has ${size} bytes, expected ${this.fileSize}`);
    }
    this.resident = true;
    stats.downloads.layers += 1;
    stats.downloads.bytes += size;
    this.residenceTime = Date.now();
  }
}
