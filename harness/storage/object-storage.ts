import { HarnessError } from "../types";
import { pollUntil } from "../wait";
import type { RemoteStorageKind } from "./kinds";

export interface RemoteObject {
  /** Relative to the storage's own prefix. */
  readonly key: string;
  readonly size: number;
  readonly lastModified: Date;
}

/** What a harness does with objects, wherever they are. Keys are relative to the storage's prefix and have no slash first. */
export abstract class ObjectStorage {
  abstract readonly kind: RemoteStorageKind;

  /** For people: `folder /…`, `bucket b, prefix p at http://…`. */
  abstract describe(): string;

  /** Every object whose key starts with `prefix`, in the order of keys. */
  abstract list(prefix: string): Promise<RemoteObject[]>;

  /** The bytes; undefined when there is no such object. */
  abstract find(key: string): Promise<Buffer | undefined>;

  abstract write(key: string, bytes: Buffer | string): Promise<void>;

  /** Those that aren't there are fine. */
  abstract delete(keys: readonly string[]): Promise<void>;

  /** The bytes; throws CHECK_FAILED when there is no such object. */
  async read(key: string): Promise<Buffer> {
    const bytes = await this.find(key);
    if (bytes !== undefined) return bytes;
    throw new HarnessError("CHECK_FAILED", {
      summary: `there is no object ${key} in remote storage`,
      expected: `${key} in ${this.describe()}`,
      found: await this.#neighbours(key),
    });
  }

  async deletePrefix(prefix: string): Promise<void> {
    await this.delete((await this.list(prefix)).map(({ key }) => key));
  }

  /** Inverts the bits of one byte (default: the middle one). */
  async corrupt(key: string, at?: number): Promise<void> {
    const bytes = Buffer.from(await this.read(key));
    const position = at ?? Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(position) ^ 0xff, position);
    await this.write(key, bytes);
  }

  /** Throws CHECK_FAILED, naming what is there. `except` lets some keys pass. */
  async assertPrefixEmpty(prefix: string, options: { except?: RegExp } = {}): Promise<void> {
    const left = (await this.list(prefix)).filter(({ key }) => options.except?.test(key) !== true);
    if (left.length === 0) return;
    throw new HarnessError("CHECK_FAILED", {
      summary: `remote storage has objects below ${prefix}`,
      expected: "none",
      found: shortList(left.map(({ key }) => key)),
    });
  }

  async assertPrefixNotEmpty(prefix: string): Promise<void> {
    if ((await this.list(prefix)).length > 0) return;
    throw new HarnessError("CHECK_FAILED", {
      summary: `remote storage has no object below ${prefix}`,
      expected: `one at least, in ${this.describe()}`,
      found: await this.#neighbours(prefix),
    });
  }

  /** Waits until what is below the prefix is as it should be; throws WAIT_TIMEOUT with what was there last. */
  async waitFor(
    name: string,
    prefix: string,
    isSo: (objects: readonly RemoteObject[]) => boolean,
    options: { budgetMs?: number } = {},
  ): Promise<readonly RemoteObject[]> {
    const probe = async ({ observed }: { observed: (value: unknown) => void }) => {
      const objects = await this.list(prefix);
      observed(shortList(objects.map(({ key }) => key)));
      return isSo(objects) ? objects : undefined;
    };
    return pollUntil(name, probe, { budgetMs: options.budgetMs ?? 20_000, component: "remote storage" });
  }

  async waitUntilPrefixEmpty(prefix: string, options: { budgetMs?: number } = {}): Promise<void> {
    await this.waitFor(`no object below ${prefix}`, prefix, (objects) => objects.length === 0, options);
  }

  async #neighbours(key: string): Promise<string> {
    const folder = key.slice(0, key.replace(/\/$/, "").lastIndexOf("/") + 1);
    const keys = (await this.list(folder)).map((object) => object.key);
    return keys.length === 0 ? `nothing below ${folder || "its root"} at all` : shortList(keys);
  }
}

function shortList(keys: readonly string[]): string {
  const more = keys.length > 10 ? [`… ${keys.length} in all`] : [];
  return [...keys.slice(0, 10), ...more].join("\n") || "nothing";
}
