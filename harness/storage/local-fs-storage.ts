import { chownSync, mkdirSync } from "node:fs";
import { chown, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { ProcessIdentity } from "../process";
import { errnoOf } from "../types";
import type { StorageUser } from "./kinds";
import type { RemoteObject } from "./object-storage";
import { RemoteStorage } from "./remote-storage";

/** What the pageserver is still writing, and what a safekeeper keeps about an object beside it. */
const NO_OBJECT = /___temp$|\.metadata$/;

/** A folder of this machine as object store: the path is the key. */
export class LocalFsStorage extends RemoteStorage {
  readonly kind = "local_fs";
  /** Absolute. */
  readonly root: string;
  readonly #owner: ProcessIdentity | undefined;

  private constructor(root: string, owner: ProcessIdentity | undefined) {
    super();
    this.root = root;
    this.#owner = owner;
  }

  /** Where the original's harness has it: `<repo>/local_fs_remote_storage/<user>`. */
  static create(repoDir: string, user: StorageUser, owner: ProcessIdentity | undefined): LocalFsStorage {
    const storage = new LocalFsStorage(join(repoDir, "local_fs_remote_storage", user), owner);
    storage.#makeFolder(storage.root);
    return storage;
  }

  /** A folder that is there already. */
  static at(root: string): LocalFsStorage {
    return new LocalFsStorage(root, undefined);
  }

  describe(): string {
    return `folder ${this.root}`;
  }

  toml(): Record<string, unknown> {
    return { local_path: this.root };
  }

  environment(): Record<string, string> {
    return {};
  }

  async release(): Promise<void> {
    // It stands in the test's directory, and goes with it.
  }

  async list(prefix: string): Promise<RemoteObject[]> {
    const folder = join(this.root, dirname(`${prefix}.`));
    const paths = await filesBelow(folder);
    const keys = paths.map((path) => relative(this.root, path)).filter((key) => key.startsWith(prefix));
    const objects = await Promise.all(
      keys.filter((key) => !NO_OBJECT.test(key)).map((key) => orMissing(() => this.#describe(key))),
    );
    return objects.filter((object) => object !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async find(key: string): Promise<Buffer | undefined> {
    return orMissing(() => readFile(join(this.root, key)));
  }

  async write(key: string, bytes: Buffer | string): Promise<void> {
    const path = join(this.root, key);
    this.#makeFolder(dirname(path));
    await writeFile(path, bytes, { mode: 0o644 });
    if (this.#owner !== undefined) await chown(path, this.#owner.uid, this.#owner.gid);
  }

  async delete(keys: readonly string[]): Promise<void> {
    const files = keys.flatMap((key) => [key, `${key}.metadata`]);
    for (const file of files) await rm(join(this.root, file), { force: true });
  }

  async #describe(key: string): Promise<RemoteObject> {
    const { size, mtime } = await stat(join(this.root, key));
    return { key, size, lastModified: mtime };
  }

  /** Each level belongs to the nodes' user, or they could add nothing beside it. */
  #makeFolder(path: string): void {
    const first = mkdirSync(path, { recursive: true, mode: 0o755 });
    if (first === undefined || this.#owner === undefined) return;
    for (let level = path; level.length >= first.length; level = dirname(level)) {
      chownSync(level, this.#owner.uid, this.#owner.gid);
    }
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await orMissing(() => readdir(folder, { withFileTypes: true }));
  const found = (entries ?? []).map(async (entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
  return (await Promise.all(found)).flat();
}

/** Undefined when it went meanwhile: the nodes delete while we look. */
async function orMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
