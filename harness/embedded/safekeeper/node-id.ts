import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing, writeFileDurably } from "../service";

/** The id of a data directory, in `safekeeper.id`. Given an id, a new directory takes it and an old one must have it. */
export async function claimNodeId(workdir: string, given: number | undefined): Promise<number> {
  await mkdir(workdir, { recursive: true });
  const path = join(workdir, "safekeeper.id");
  const stored = await unlessMissing(readFile(path, "utf8"));
  if (stored !== undefined) {
    const id = Number(stored.trim());
    if (given !== undefined && given !== id) throw new Error(`ID ${given} differs from the one in ${path}: ${id}`);
    return id;
  }
  if (given === undefined) throw new Error(`safekeeper id is not given (--id) and ${path} does not exist`);
  await writeFileDurably(path, String(given));
  return given;
}
