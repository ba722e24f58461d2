import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Lsn } from "../../../types";
import { stats } from "../stats";
import { fileChecksum } from "./file-checksum";
import { formatLayerName, type LayerName, localLayerFile } from "./layer-name";

/** Where a layer's file comes from when this disk does not have it. */
export interface LayerSource {
  /** Brings the file from remote storage to the local path. */
  download(layer: Layer): Promise<void>;
  /** The local file was damaged, and goes. */
  damaged(message: string): void;
}

export interface LayerFacts {
  readonly name: LayerName;
  readonly fileSize: number;
  readonly generation: number;
  /** `NNCC` of the shard that wrote the layer, which may have been split since; undefined: an unsharded tenant. */
  readonly shard?: string | undefined;
  /** CRC-32C of the file; undefined where nobody has noted it. */
  readonly checksum?: number | undefined;
}

/** A finished layer file of one timeline; it may be on this disk, in remote storage, or both. It never changes. */
export class Layer {
  readonly name: LayerName;
  readonly fileName: string;
  readonly fileSize: number;
  readonly generation: number;
  readonly shard: string | undefined;
  readonly checksum: number | undefined;
  readonly path: string;
  /** When the file came to this disk, and when it was last read (ms since 1970; 0 = never). */
  residenceTime = Date.now();
  accessTime = 0;
  resident: boolean;
  /** Whether the local file is known to be whole: this process wrote it, or has checked it. */
  #checked: boolean;
  #preparing: Promise<void> | undefined;
  readonly #source: LayerSource;

  constructor(
    timelineDir: string,
    facts: LayerFacts,
    state: { resident: boolean; checked: boolean },
    source: LayerSource,
  ) {
    this.name = facts.name;
    this.fileName = formatLayerName(facts.name);
    this.fileSize = facts.fileSize;
    this.generation = facts.generation;
    this.shard = facts.shard;
    this.path = join(timelineDir, localLayerFile(this.fileName, facts.generation));
    this.checksum = facts.checksum;
    this.resident = state.resident;
    this.#checked = state.checked;
    this.#source = source;
  }

  /** The WAL bytes of a delta: [start, end). */
  get walRange(): { start: Lsn; end: Lsn } | undefined {
    if (this.name.kind !== "delta") return undefined;
    return { start: this.name.lsnStart - 1n, end: this.name.lsnEnd - 1n };
  }

  /** Makes sure that the file is on this disk and undamaged, and notes the access. Throws with the layer's name. */
  async touch(): Promise<void> {
    this.accessTime = Date.now();
    if (this.resident && this.#checked) return;
    this.#preparing ??= this.#prepare().finally(() => (this.#preparing = undefined));
    await this.#preparing;
  }

  async #prepare(): Promise<void> {
    if (this.resident && !(await this.#isWhole())) {
      this.#source.damaged(`layer file ${this.path} is damaged: wrong checksum; it is downloaded again`);
      this.resident = false;
      await rm(this.path, { force: true });
    }
    if (!this.resident) await this.#fetch();
    this.#checked = true;
  }

  async #isWhole(): Promise<boolean> {
    return this.checksum === undefined || (await fileChecksum(this.path)) === this.checksum;
  }

  async #fetch(): Promise<void> {
    await this.#source.download(this);
    const { size } = await stat(this.path);
    if (size !== this.fileSize) {
      throw new Error(`downloaded layer ${this.fileName} has ${size} bytes, expected ${this.fileSize}`);
    }
    if (!(await this.#isWhole())) {
      await rm(this.path, { force: true });
      throw new Error(`layer ${this.fileName} is damaged in remote storage: wrong checksum`);
    }
    this.resident = true;
    stats.downloads.layers += 1;
    stats.downloads.bytes += size;
    this.residenceTime = Date.now();
  }
}
