import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { parse, type TomlTable } from "smol-toml";

async function syncAndClose(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Replaces the file as a whole: after a crash it holds the old or the new content, and once this returns the new one.
 * The temporary file `<path>.___temp` must have one writer at a time.
 */
export async function writeFileDurably(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.___temp`;
  const file = await open(temporary, "w");
  try {
    await file.writeFile(data);
  } finally {
    await syncAndClose(file);
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a file's content durable. */
export async function syncFile(path: string): Promise<void> {
  await syncAndClose(await open(path, "r"));
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  await syncAndClose(await open(path, "r"));
}

/** Reads a TOML file; integers beyond 2^53 become bigint. The error of a bad file names it. */
export async function readToml(path: string): Promise<TomlTable> {
  const text = await readFile(path, "utf8");
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    throw new Error(`could not parse ${path}`, { cause: error });
  }
}
