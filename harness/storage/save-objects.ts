import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ObjectStorage } from "./object-storage";

/** More than that would be a long wait at the end of a test that failed anyway. */
const MOST_BYTES = 64 * 1024 * 1024;

/** For a person who looks into why a test failed: a list of all objects, and the objects themselves, smallest first. */
export async function saveObjects(storage: ObjectStorage, dir: string): Promise<void> {
  const objects = await storage.list("");
  await mkdir(dir, { recursive: true });
  const lines = objects.map(({ key, size, lastModified }) => `${lastModified.toISOString()} ${size} ${key}`);
  await writeFile(join(dir, "objects.txt"), [storage.describe(), ...lines, ""].join("\n"));
  let bytes = 0;
  for (const { key, size } of objects.toSorted((a, b) => a.size - b.size)) {
    bytes += size;
    if (bytes > MOST_BYTES) return;
    const content = await storage.find(key);
    const path = join(dir, "objects", key);
    await mkdir(dirname(path), { recursive: true });
    if (content !== undefined) await writeFile(path, content);
  }
}
