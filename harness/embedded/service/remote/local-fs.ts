import { constants } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unlessMissing } from "../errors";
import { syncFile } from "../files";
import type { RemoteStorage } from "./remote-storage";
import { TEMP_SUFFIX, temporaryName } from "./temporary-name";
import { Unimplemented } from "./unrecoverable";

/** Remote storage in a local directory, where the path is the key (neon-protocols §6). */
export class LocalFs implements RemoteStorage {
  readonly #root: string;
  readonly #sync: boolean;

  constructor(root: string, options: { sync: boolean }) {
    this.#root = root;
    this.#sync = options.sync;
  }

  uploadFile(key: string, path: string, { length }: { length?: number } = {}): Promise<void> {
    return this.#put(key, async (temporary) => {
      await copyFile(path, temporary, constants.COPYFILE_FICLONE);
      if (length !== undefined) await truncate(temporary, length);
    });
  }

  uploadBytes(key: string, bytes: Buffer): Promise<void> {
    return this.#put(key, (temporary) => writeFile(temporary, bytes));
  }

  async download(key: string, path: string): Promise<void> {
    const temporary = temporaryName(path);
    await copyFile(join(this.#root, key), temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, path);
  }

  read(key: string): Promise<Buffer | undefined> {
    return unlessMissing(readFile(join(this.#root, key)));
  }

  async list(prefix: string): Promise<{ objects: string[]; prefixes: string[] }> {
    const entries = (await unlessMissing(readdir(join(this.#root, prefix), { withFileTypes: true }))) ?? [];
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(TEMP_SUFFIX));
    return {
      objects: files.map((entry) => entry.name),
      prefixes: entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name),
    };
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#put(to, (temporary) => copyFile(join(this.#root, from), temporary, constants.COPYFILE_FICLONE));
  }

  async remove(key: string): Promise<void> {
    await rm(join(this.#root, key), { force: true });
  }

  async removePrefix(prefix: string): Promise<void> {
    await rm(join(this.#root, prefix), { recursive: true, force: true });
  }

  async recoverTo(): Promise<void> {
    throw new Unimplemented();
  }

  async #put(key: string, write: (temporary: string) => Promise<void>): Promise<void> {
    const target = join(this.#root, key);
    const temporary = temporaryName(target);
    await mkdir(dirname(target), { recursive: true });
    try {
      await write(temporary);
      if (this.#sync) await syncFile(temporary);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}
