import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PgVersion } from "../../types";
import type { RelTag } from "../../wire";

const PAGE_SIZE = 8192;
const PAGES_PER_FILE = 131_072;
const GLOBAL_TABLESPACE = 1664;
const DEFAULT_TABLESPACE = 1663;
const FORK_SUFFIX = ["", "_fsm", "_vm", "_init"] as const;
/** In the order of Neon's SlruKind. */
const SLRU_DIRECTORY = ["pg_xact", "pg_multixact/members", "pg_multixact/offsets"] as const;
const RELATION_FILE = /^\d+(_(fsm|vm|init))?(\.\d+)?$/;

/** Relations and SLRUs of a data directory in which no server runs; undefined means that there is no such thing. */
export class RelationFiles {
  readonly #dir: string;
  readonly pgVersion: PgVersion;

  constructor(dataDir: string, pgVersion: PgVersion) {
    this.#dir = dataDir;
    this.pgVersion = pgVersion;
  }

  async exists(rel: RelTag): Promise<boolean> {
    return (await sizeOf(this.#path(rel, 0))) !== undefined;
  }

  /** Size in pages of 8192 bytes. */
  async nblocks(rel: RelTag): Promise<number | undefined> {
    let total: number | undefined;
    for (let file = 0; ; file += 1) {
      const size = await sizeOf(this.#path(rel, file));
      if (size === undefined) return total;
      total = (total ?? 0) + Math.floor(size / PAGE_SIZE);
    }
  }

  /** Undefined beyond the end of the relation. */
  async page(rel: RelTag, blkno: number): Promise<Buffer | undefined> {
    const file = await open(this.#path(rel, Math.floor(blkno / PAGES_PER_FILE)), "r").catch(missing);
    if (file === undefined) return undefined;
    try {
      const position = (blkno % PAGES_PER_FILE) * PAGE_SIZE;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PAGE_SIZE), 0, PAGE_SIZE, position);
      return bytesRead === PAGE_SIZE ? buffer : undefined;
    } finally {
      await file.close();
    }
  }

  /** Bytes of all relations of a database. */
  async dbSize(dbNode: number): Promise<bigint | undefined> {
    const dir = join(this.#dir, "base", String(dbNode));
    const names = await readdir(dir).catch(missing);
    if (names === undefined) return undefined;
    const relations = names.filter((name) => RELATION_FILE.test(name));
    const sizes = await Promise.all(relations.map((name) => sizeOf(join(dir, name))));
    return sizes.reduce<bigint>((sum, size) => sum + BigInt(size ?? 0), 0n);
  }

  /** Bytes of all relations of all databases. */
  async logicalSize(): Promise<bigint> {
    const databases = await readdir(join(this.#dir, "base"));
    const sizes = await Promise.all(databases.map((name) => this.dbSize(Number(name))));
    return sizes.reduce<bigint>((sum, size) => sum + (size ?? 0n), 0n);
  }

  async slruSegment(kind: number, segno: number): Promise<Buffer | undefined> {
    const directory = SLRU_DIRECTORY[kind];
    if (directory === undefined) return undefined;
    const name = segno.toString(16).toUpperCase().padStart(4, "0");
    return readFile(join(this.#dir, directory, name)).catch(missing);
  }

  #path(rel: RelTag, file: number): string {
    const name = `${rel.relNode}${FORK_SUFFIX[rel.forkNum] ?? "_unknown"}${file === 0 ? "" : `.${file}`}`;
    if (rel.spcNode === GLOBAL_TABLESPACE) return join(this.#dir, "global", name);
    if (rel.spcNode === DEFAULT_TABLESPACE) return join(this.#dir, "base", String(rel.dbNode), name);
    return join(this.#dir, "pg_tblspc", String(rel.spcNode), String(rel.dbNode), name);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const facts = await stat(path).catch(missing);
  return facts?.size;
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
