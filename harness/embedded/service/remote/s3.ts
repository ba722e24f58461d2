import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { SmallS3Client } from "../../../storage/s3/client";
import { planRecovery } from "./plan-recovery";
import { syncFile } from "../files";
import type { RemoteStorage } from "./remote-storage";
import { temporaryName } from "./temporary-name";

/** Remote storage in an S3 bucket, below a prefix; one request each, without retries. */
export class S3Remote implements RemoteStorage {
  readonly #client: SmallS3Client;
  readonly #prefix: string;
  readonly #sync: boolean;

  /** `prefix` may have slashes at its ends, as Neon allows. */
  constructor(client: SmallS3Client, options: { prefix: string; sync: boolean }) {
    const prefix = options.prefix.replace(/^\/+|\/+$/g, "");
    this.#client = client;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.#sync = options.sync;
  }

  async uploadFile(key: string, path: string, { length }: { length?: number } = {}): Promise<void> {
    await this.#client.putFile(this.#prefix + key, path, length ?? (await stat(path)).size);
  }

  async uploadBytes(key: string, bytes: Buffer): Promise<void> {
    await this.#client.put(this.#prefix + key, bytes);
  }

  async download(key: string, path: string): Promise<void> {
    const temporary = temporaryName(path);
    try {
      await this.#client.getInto(this.#prefix + key, (body) => pipeline(body, createWriteStream(temporary)));
      if (this.#sync) await syncFile(temporary);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  read(key: string): Promise<Buffer | undefined> {
    return this.#client.get(this.#prefix + key);
  }

  async list(prefix: string): Promise<{ objects: string[]; prefixes: string[] }> {
    const folder = this.#folder(prefix);
    const { keys, prefixes } = await this.#client.list(folder, "/");
    return {
      objects: keys.map((key) => key.slice(folder.length)),
      prefixes: prefixes.map((name) => name.slice(folder.length, -1)),
    };
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#client.copy(this.#prefix + from, this.#prefix + to);
  }

  async remove(key: string): Promise<void> {
    await this.#client.delete([this.#prefix + key]);
  }

  async removePrefix(prefix: string): Promise<void> {
    const { keys } = await this.#client.list(this.#folder(prefix));
    await this.#client.delete(keys);
  }

  async recoverTo(prefix: string, at: Date, doneIfAfter: Date): Promise<void> {
    const versions = await this.#client.listVersions(this.#folder(prefix));
    for (const { key, restore } of planRecovery(versions, at, doneIfAfter)) {
      if (restore === undefined) await this.#client.delete([key]);
      else await this.#client.copy(key, key, restore);
    }
  }

  #folder(prefix: string): string {
    return prefix === "" ? this.#prefix : `${this.#prefix}${prefix}/`;
  }
}
