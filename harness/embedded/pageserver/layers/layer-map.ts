import type { Lsn } from "../../../types";
import type { Layer } from "./layer";

/** The finished layers of one timeline by name, in the order in which they were made. */
export class LayerMap {
  readonly #layers = new Map<string, Layer>();

  add(layer: Layer): void {
    this.#layers.set(layer.fileName, layer);
  }

  get(fileName: string): Layer | undefined {
    return this.#layers.get(fileName);
  }

  all(): Layer[] {
    return [...this.#layers.values()];
  }

  /** The delta whose WAL includes the byte at `lsn`. */
  deltaAt(lsn: Lsn): Layer | undefined {
    return this.all().find((layer) => {
      const range = layer.walRange;
      return range !== undefined && range.start <= lsn && lsn < range.end;
    });
  }

  /** The image nearest below or at `lsn`. */
  newestImage(lsn: Lsn): Layer | undefined {
    let best: { lsn: Lsn; layer: Layer } | undefined;
    for (const layer of this.#layers.values()) {
      if (layer.name.kind !== "image" || layer.name.lsn > lsn) continue;
      if (best === undefined || layer.name.lsn > best.lsn) best = { lsn: layer.name.lsn, layer };
    }
    return best?.layer;
  }

  /** Bytes of all layers, and of those whose file is on this disk. */
  sizes(): { total: number; resident: number } {
    let total = 0;
    let resident = 0;
    for (const layer of this.#layers.values()) {
      total += layer.fileSize;
      if (layer.resident) resident += layer.fileSize;
    }
    return { total, resident };
  }
}
