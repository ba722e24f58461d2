import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { S3Error } from "../errors";
import { MemoryBlobs } from "./blobs";
import type { Blobs } from "./blobs";
import { Bucket } from "./bucket";
import { Journal } from "./journal";
import type { Change } from "./journal";
import { DiskBlobs } from "./disk-blobs";
import type { ObjectVersion, Segment, Upload } from "./types";

export interface StoreOptions {
  /** Where the objects' bytes are; undefined: in memory. */
  dir?: string | undefined;
  /** Whether the directory is one to find again after a restart. */
  lasting?: boolean | undefined;
}

/** All buckets, and the bytes of their objects. Changes are journalled before they are seen. */
export class Store {
  readonly blobs: Blobs;
  readonly #buckets = new Map<string, Bucket>();
  /** How many versions, parts and readers hold each blob: copies share it. */
  readonly #holders = new Map<number, number>();
  readonly #journal: Journal | undefined;
  readonly #now: () => number;

  constructor(options: StoreOptions, now: () => number) {
    this.#now = now;
    if (options.dir === undefined) {
      this.blobs = new MemoryBlobs();
      return;
    }
    mkdirSync(options.dir, { recursive: true });
    const blobs = new DiskBlobs(join(options.dir, "objects"));
    this.blobs = blobs;
    if (options.lasting !== true) return;
    const { journal, changes } = Journal.open(join(options.dir, "changes.jsonl"));
    for (const change of changes) this.#apply(change, { isReplay: true });
    blobs.keepOnly(new Set(this.#holders.keys()));
    journal.rewrite(this.#snapshot());
    this.#journal = journal;
  }

  get buckets(): Bucket[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  findBucket(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  /** Throws NoSuchBucket. */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Error("NoSuchBucket", { fields: { BucketName: name } });
    return bucket;
  }

  /** Writes the change down and carries it out; throws NoSuchBucket or NoSuchUpload. */
  change(change: Change): void {
    // What can't be carried out must not be found in the journal.
    if (change.type !== "bucket") {
      const bucket = this.bucket(change.bucket);
      if (change.type === "part" || change.type === "upload-gone") requireUpload(bucket, change.uploadId);
    }
    this.#journal?.append(change);
    this.#apply(change, { isReplay: false });
  }

  /** A new latest version of a key, as the bucket's versioning wants it. */
  put(bucket: Bucket, key: string, version: Omit<ObjectVersion, "versionId" | "lastModified">): ObjectVersion {
    const isVersioned = bucket.versioning === "Enabled";
    const versionId = isVersioned ? randomBytes(24).toString("base64url") : "null";
    const add = { ...version, versionId, lastModified: this.#now() };
    this.change({ type: "object", bucket: bucket.name, key, drop: isVersioned ? [] : ["null"], add });
    return add;
  }

  hold(segments: readonly Segment[]): void {
    for (const { blob } of segments) this.#holders.set(blob, (this.#holders.get(blob) ?? 0) + 1);
  }

  /** A blob that nobody holds any more is removed. */
  release(segments: readonly Segment[]): void {
    this.#release(segments, { keepFiles: false });
  }

  close(): void {
    this.#journal?.close();
    this.blobs.close();
  }

  #release(segments: readonly Segment[], { keepFiles }: { keepFiles: boolean }): void {
    for (const { blob } of segments) {
      const left = (this.#holders.get(blob) ?? 1) - 1;
      if (left > 0) {
        this.#holders.set(blob, left);
      } else {
        this.#holders.delete(blob);
        if (!keepFiles) this.blobs.remove(blob);
      }
    }
  }

  #apply(change: Change, { isReplay }: { isReplay: boolean }): void {
    const release = (segments: readonly Segment[]): void => this.#release(segments, { keepFiles: isReplay });
    if (change.type === "bucket") {
      this.#buckets.set(change.bucket, new Bucket(change.bucket, change.region, change.at));
      return;
    }
    const bucket = this.bucket(change.bucket);
    switch (change.type) {
      case "bucket-gone":
        for (const upload of bucket.uploads.values()) releaseParts(upload, release);
        for (const [, versions] of bucket.entries("")) for (const { segments } of versions) release(segments);
        this.#buckets.delete(bucket.name);
        return;
      case "versioning":
        bucket.versioning = change.versioning;
        return;
      case "object":
        return this.#applyToObject(bucket, change, release);
      case "upload":
        bucket.uploads.set(change.upload.id, { ...change.upload, parts: new Map() });
        return;
      case "part": {
        const { parts } = requireUpload(bucket, change.uploadId);
        this.hold(change.part.segments);
        release(parts.get(change.part.number)?.segments ?? []);
        parts.set(change.part.number, change.part);
        return;
      }
      case "upload-gone":
        releaseParts(requireUpload(bucket, change.uploadId), release);
        bucket.uploads.delete(change.uploadId);
    }
  }

  #applyToObject(
    bucket: Bucket,
    { key, drop, add, inPlace }: Change & { type: "object" },
    release: (segments: readonly Segment[]) => void,
  ): void {
    const before = bucket.versions(key);
    if (add !== undefined) this.hold(add.segments);
    const gone = before.filter(({ versionId }) => drop.includes(versionId));
    let after = before.filter((version) => !gone.includes(version));
    if (add !== undefined) {
      after = inPlace === true ? before.map((version) => (gone.includes(version) ? add : version)) : [add, ...after];
    }
    bucket.setVersions(key, after, this.#now());
    for (const { segments } of gone) release(segments);
  }

  *#snapshot(): Generator<Change> {
    for (const { name, region, created, versioning, uploads, ...rest } of this.buckets.map(describe)) {
      yield { type: "bucket", bucket: name, region, at: created };
      if (versioning !== undefined) yield { type: "versioning", bucket: name, versioning };
      for (const [key, versions] of rest.entries) {
        for (const add of [...versions].reverse()) yield { type: "object", bucket: name, key, drop: [], add };
      }
      for (const { parts, ...upload } of uploads.values()) {
        yield { type: "upload", bucket: name, upload };
        for (const part of parts.values()) yield { type: "part", bucket: name, uploadId: upload.id, part };
      }
    }
  }
}

const describe = (bucket: Bucket) => ({
  name: bucket.name,
  region: bucket.region,
  created: bucket.created,
  versioning: bucket.versioning,
  uploads: bucket.uploads,
  entries: bucket.entries(""),
});

/** Throws NoSuchUpload. */
export function requireUpload(bucket: Bucket, uploadId: string): Upload {
  const upload = bucket.uploads.get(uploadId);
  if (upload === undefined) throw new S3Error("NoSuchUpload", { fields: { UploadId: uploadId } });
  return upload;
}

function releaseParts(upload: Upload, release: (segments: readonly Segment[]) => void): void {
  for (const part of upload.parts.values()) release(part.segments);
}
