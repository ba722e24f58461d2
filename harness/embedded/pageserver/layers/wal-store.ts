import { openSync } from "node:fs";
import { close, read } from "node:fs";
import { promisify } from "node:util";
import { Lsn } from "../../../types";
import type { LayerMap } from "./layer-map";
import { OpenLayer } from "./open-layer";

const readAsync = promisify(read);
const closeAsync = promisify(close);
const CHUNK = 256 * 1024;

interface WalPiece {
  readonly start: Lsn;
  readonly end: Lsn;
  readonly path: string;
}

/** The WAL of one timeline (without its ancestors'): finished deltas, frozen layers on their way there, the open layer. */
export class WalStore {
  readonly #dir: string;
  readonly #layers: LayerMap;
  #frozen: OpenLayer[] = [];
  #open: OpenLayer | undefined;
  #closed = false;

  constructor(timelineDir: string, layers: LayerMap) {
    this.#dir = timelineDir;
    this.#layers = layers;
  }

  get open(): OpenLayer | undefined {
    return this.#open;
  }

  get frozen(): readonly OpenLayer[] {
    return this.#frozen;
  }

  /** Writes received WAL at `lsn`; the first bytes open a layer. Throws after close(). */
  append(lsn: Lsn, bytes: Buffer): void {
    if (this.#closed) throw new Error("the timeline is shut down");
    this.#open ??= new OpenLayer(this.#dir, lsn);
    this.#open.write(lsn, bytes);
  }

  /** Ends the open layer at the record boundary `end`; bytes of an unfinished record go on into the next one. */
  freeze(end: Lsn): OpenLayer | undefined {
    const layer = this.#open;
    if (layer === undefined || end <= layer.start) return undefined;
    const tail = layer.cut(end);
    this.#open = undefined;
    this.#frozen.push(layer);
    if (tail.length > 0) this.append(end, tail);
    return layer;
  }

  /** To be called when the layer map has the finished layer. */
  flushed(layer: OpenLayer): void {
    this.#frozen = this.#frozen.filter((other) => other !== layer);
    layer.close();
  }

  /** The contiguous bytes [from, to); they must have been received. */
  async *read(from: Lsn, to: Lsn): AsyncGenerator<Buffer> {
    let position = from;
    while (position < to) {
      const piece = await this.#pieceAt(position);
      const end = piece.end < to ? piece.end : to;
      yield* readPiece(piece, position, end);
      position = end;
    }
  }

  /** Drops what is not in a finished layer: it will be received again. */
  close(): void {
    this.#closed = true;
    for (const layer of [...this.#frozen, ...(this.#open === undefined ? [] : [this.#open])]) layer.discard();
    this.#frozen = [];
    this.#open = undefined;
  }

  async #pieceAt(lsn: Lsn): Promise<WalPiece> {
    const unfinished = [...this.#frozen, ...(this.#open === undefined ? [] : [this.#open])];
    const live = unfinished.find((layer) => layer.start <= lsn && lsn < layer.end);
    if (live !== undefined) return live;
    const layer = this.#layers.deltaAt(lsn);
    const range = layer?.walRange;
    if (layer === undefined || range === undefined) throw new Error(`no layer holds the WAL at ${Lsn.format(lsn)}`);
    await layer.touch();
    return { ...range, path: layer.path };
  }
}

async function* readPiece(piece: WalPiece, from: Lsn, to: Lsn): AsyncGenerator<Buffer> {
  // Opened in the same tick as its name was looked up: a frozen layer may be renamed at any other time.
  const fd = openSync(piece.path, "r");
  try {
    let position = from;
    while (position < to) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Number(to - position)));
      const { bytesRead } = await readAsync(fd, chunk, 0, chunk.length, Number(position - piece.start));
      if (bytesRead === 0) throw new Error(`layer file ${piece.path} ends before ${Lsn.format(to)}`);
      yield chunk.subarray(0, bytesRead);
      position += BigInt(bytesRead);
    }
  } finally {
    await closeAsync(fd);
  }
}
