import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join, normalize } from "node:path";
import { TarReader } from "./tar-reader";
import type { TarEntry } from "./tar";

/**
 * Unpacks into `targetDir`, which exists. Files named in `kept` are returned instead of written. Writing is synchronous:
 * a thousand small files cost a tenth of what as many asynchronous writes do.
 */
export async function unpackTar(
  source: AsyncIterable<Buffer>,
  targetDir: string,
  kept: ReadonlySet<string>,
): Promise<Map<string, Buffer>> {
  const returned = new Map<string, Buffer[]>();
  let fd: number | undefined;
  let keeping: Buffer[] | undefined;
  const closeFile = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  const reader = new TarReader({
    entry(entry: TarEntry): void {
      closeFile();
      keeping = undefined;
      if (kept.has(entry.name)) returned.set(entry.name, (keeping = []));
      else if (entry.kind === "directory") mkdirSync(inside(targetDir, entry.name), { recursive: true, mode: 0o700 });
      else fd = openSync(inside(targetDir, entry.name), "w", 0o600);
    },
    bytes(piece: Buffer): void {
      if (keeping !== undefined) keeping.push(Buffer.from(piece));
      else if (fd !== undefined) writeFully(fd, piece);
    },
  });
  try {
    for await (const piece of source) reader.push(piece);
    reader.finish();
  } finally {
    closeFile();
  }
  return new Map([...returned].map(([name, pieces]) => [name, Buffer.concat(pieces)]));
}

function writeFully(fd: number, piece: Buffer): void {
  for (let offset = 0; offset < piece.length;) offset += writeSync(fd, piece, offset);
}

function inside(dir: string, name: string): string {
  const path = normalize(name);
  if (path.startsWith("..") || path.startsWith("/")) throw new Error(`tar: ${name} leads out of the directory`);
  return join(dir, path);
}
