import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { PAGE_SIZE } from "../../../wire";
import type { RelTag } from "../../../wire";
import { hasErrorCode } from "../../service";

const PAGES_PER_FILE = 131_072;
const GLOBAL_TABLESPACE = 1664;
const FORK_SUFFIX = ["", "_fsm", "_vm", "_init"] as const;
/** Files that are kept open. */
const MOST_OPEN = 128;

/**
 * Pages of a data directory that does not change any more. Files stay open, and are read without a detour: what was just
 * written by recovery is in the page cache.
 */
export class PageFiles {
  readonly #dir: string;
  /** By path, the one used last at the end; undefined: there is no such file. */
  readonly #open = new Map<string, number | undefined>();
  #closed = false;

  constructor(dataDir: string) {
    this.#dir = dataDir;
  }

  /** Reads a page to `at`. "missing": there is no such relation; "beyond": the page lies behind its end. */
  read(rel: RelTag, blkno: number, target: Buffer, at: number): "read" | "missing" | "beyond" {
    const file = Math.floor(blkno / PAGES_PER_FILE);
    const fd = this.#fd(this.#path(rel, file));
    if (fd === undefined) return this.#fd(this.#path(rel, 0)) === undefined ? "missing" : "beyond";
    const bytes = readSync(fd, target, at, PAGE_SIZE, (blkno % PAGES_PER_FILE) * PAGE_SIZE);
    return bytes === PAGE_SIZE ? "read" : "beyond";
  }

  close(): void {
    this.#closed = true;
    for (const fd of this.#open.values()) if (fd !== undefined) closeSync(fd);
    this.#open.clear();
  }

  #path(rel: RelTag, file: number): string {
    const name = `${rel.relNode}${FORK_SUFFIX[rel.forkNum] ?? "_unknown"}${file === 0 ? "" : `.${file}`}`;
    if (rel.spcNode === GLOBAL_TABLESPACE) return `global/${name}`;
    return `base/${rel.dbNode}/${name}`;
  }

  #fd(path: string): number | undefined {
    if (this.#open.has(path)) {
      const known = this.#open.get(path);
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    if (this.#closed) throw new Error("the image is not there any more");
    const fd = openIfThere(join(this.#dir, path));
    this.#open.set(path, fd);
    if (this.#open.size > MOST_OPEN) this.#closeOldest();
    return fd;
  }

  #closeOldest(): void {
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    if (oldest[1] !== undefined) closeSync(oldest[1]);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT") || hasErrorCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}
