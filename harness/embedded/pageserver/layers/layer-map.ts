import type { Lsn } from "../../../types";
import type { Layer } from "./layer";

/**
 * The finished layers of one timeline by name, in the order in which they were made. While a set of layers replaces
 * another, the new ones stand in the index before they are read, and the old ones are read after they have left the index.
 */
export class LayerMap {
  readonly #layers = new Map<string, Layer>();
  readonly #coming = new Set<Layer>();
  readonly #leaving = new Set<Layer>();

  add(layer: Layer): void {
    this.#layers.set(layer.fileName, layer);
  }

  get(fileName: string): Layer | undefined {
    return this.#layers.get(fileName);
  }

  /** All that can be read. */
  all(): Layer[] {
    return [...this.#layers.values()];
  }

  /** All that stays: what index_part.json has to name. */
  indexed(): Layer[] {
    return [...this.all().filter((layer) => !this.#leaving.has(layer)), ...this.#coming];
  }

  /** From now on the index names `coming` and not `leaving`; reads go on as before. */
  announce(coming: readonly Layer[], leaving: readonly Layer[]): void {
    for (const layer of coming) this.#coming.add(layer);
    for (const layer of leaving) this.#leaving.add(layer);
  }

  /** The layers that were announced are read, in preference to those that leave. */
  admit(coming: readonly Layer[]): void {
    for (const layer of coming) {
      this.#coming.delete(layer);
      this.add(layer);
    }
  }

  /** Nobody reads these any more. */
  remove(leaving: readonly Layer[]): void {
    for (const layer of leaving) {
      this.#leaving.delete(layer);
      if (this.#layers.get(layer.fileName) === layer) this.#layers.delete(layer.fileName);
    }
  }

  /** The delta whose WAL includes the byte at `lsn`. */
  deltaAt(lsn: Lsn): Layer | undefined {
    const holds = (layer: Layer): boolean => {
      const range = layer.walRange;
      return range !== undefined && range.start <= lsn && lsn < range.end;
    };
    return this.#staying().find(holds) ?? this.all().find(holds);
  }

  /** The image nearest below or at `lsn`. */
  newestImage(lsn: Lsn): Layer | undefined {
    return nearestImage(this.#staying(), lsn) ?? nearestImage(this.all(), lsn);
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

  #staying(): Layer[] {
    return this.all().filter((layer) => !this.#leaving.has(layer));
  }
}

function nearestImage(layers: readonly Layer[], lsn: Lsn): Layer | undefined {
  let best: { lsn: Lsn; layer: Layer } | undefined;
  for (const layer of layers) {
    if (layer.name.kind !== "image" || layer.name.lsn > lsn) continue;
    if (best === undefined || layer.name.lsn > best.lsn) best = { lsn: layer.name.lsn, layer };
  }
  return best?.layer;
}
