import { compareKeys } from "./key-order";
import { sortedMap } from "./sorted-map";
import type { ObjectVersion, Upload, Versioning } from "./types";

/** One bucket's keys, in order, each with its versions, newest first. */
export class Bucket {
  readonly name: string;
  readonly region: string;
  readonly created: number;
  readonly uploads = new Map<string, Upload>();
  versioning: Versioning;
  readonly #keys = sortedMap<string, ObjectVersion[]>(compareKeys);
  /** What keys were before their latest changes, for listings that lag behind; empty while nobody asks for them. */
  readonly #changes: { key: string; at: number; before: readonly ObjectVersion[] }[] = [];
  keepsChangesForMs = 0;

  constructor(name: string, region: string, created: number) {
    this.name = name;
    this.region = region;
    this.created = created;
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Newest first; empty when the key never was. */
  versions(key: string): readonly ObjectVersion[] {
    return this.#keys.get(key) ?? [];
  }

  latest(key: string): ObjectVersion | undefined {
    return this.#keys.get(key)?.[0];
  }

  setVersions(key: string, versions: ObjectVersion[], now: number): void {
    if (this.keepsChangesForMs > 0) this.#noteChange(key, now);
    if (versions.length === 0) this.#keys.delete(key);
    else this.#keys.set(key, versions);
  }

  /** Keys in order from `first` on (inclusive). The bucket must not change while one goes through them. */
  entries(first: string): IterableIterator<[string, readonly ObjectVersion[]]> {
    return this.#keys.entries(first);
  }

  /** The keys that have changed since `time`, as they were then. */
  changedSince(time: number): ReadonlyMap<string, readonly ObjectVersion[]> {
    const before = new Map<string, readonly ObjectVersion[]>();
    for (const change of this.#changes) {
      if (change.at > time && !before.has(change.key)) before.set(change.key, change.before);
    }
    return before;
  }

  #noteChange(key: string, now: number): void {
    while ((this.#changes[0]?.at ?? now) < now - this.keepsChangesForMs) this.#changes.shift();
    this.#changes.push({ key, at: now, before: this.#keys.get(key) ?? [] });
  }
}
