import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Lsn } from "../../../types";
import type { ImageManifest } from "../../pg/image";
import { RelationFiles } from "../../pg/relation-files";
import { PageFiles } from "./page-files";
import type { Timeline } from "../timeline/timeline";

/** Builds the data directory of a timeline at a record's end; says of which image it was built. */
export type Materializer = (timeline: Timeline, lsn: Lsn, targetDir: string) => Promise<ImageManifest>;

/** A data directory as it can be read. */
export interface MaterializedImage {
  readonly dir: string;
  readonly files: RelationFiles;
  readonly pages: PageFiles;
  /** Of the image that it was built from. */
  readonly source: ImageManifest;
}

interface Image {
  readonly timeline: Timeline;
  readonly lsn: Lsn;
  readonly dir: string;
  readonly ready: Promise<MaterializedImage>;
  /** Set when it is ready. */
  made: MaterializedImage | undefined;
  users: number;
  lastUse: number;
}

/** How many data directories are kept for the next requests; those in use come on top. */
const KEPT = 8;

/** Data directories of timelines at certain LSNs, from which pages are read. The least recently used ones go. */
export class MaterializedImages {
  readonly #root: string;
  readonly #materialize: Materializer;
  readonly #removals = new Map<Image, Promise<void>>();
  #images: Image[] = [];
  #counter = 0;

  constructor(root: string, materialize: Materializer) {
    this.#root = root;
    this.#materialize = materialize;
  }

  /** Removes what an earlier process left. */
  async start(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
    await mkdir(this.#root, { recursive: true });
  }

  /**
   * Runs `work` on the files of the timeline. Any image from `notModifiedSince` to `lsn` will do, for the client says that
   * what it asks for did not change in between; where there is none, one is made at `boundary()`.
   */
  async use<T>(
    timeline: Timeline,
    range: { notModifiedSince: Lsn; lsn: Lsn },
    boundary: () => Promise<Lsn>,
    work: (image: MaterializedImage) => T | Promise<T>,
  ): Promise<T> {
    const image = this.#find(timeline, range.notModifiedSince, range.lsn) ?? this.#create(timeline, await boundary());
    image.users += 1;
    image.lastUse = performance.now();
    try {
      return await work(await image.ready);
    } finally {
      image.users -= 1;
      this.#evict();
    }
  }

  /** What `use` would work with, if it is there already. Nothing may be awaited while it is used. */
  peek(timeline: Timeline, range: { notModifiedSince: Lsn; lsn: Lsn }): MaterializedImage | undefined {
    const image = this.#find(timeline, range.notModifiedSince, range.lsn);
    if (image?.made !== undefined) image.lastUse = performance.now();
    return image?.made;
  }

  /** Forgets a timeline's images: it leaves this node. */
  async drop(timeline: Timeline): Promise<void> {
    const gone = this.#images.filter((image) => image.timeline === timeline);
    this.#images = this.#images.filter((image) => image.timeline !== timeline);
    for (const image of gone) this.#remove(image);
    // One whose making was cancelled is on its way out already.
    const removals = [...this.#removals].filter(([image]) => image.timeline === timeline);
    await Promise.all(removals.map(([, removal]) => removal));
  }

  #find(timeline: Timeline, from: Lsn, to: Lsn): Image | undefined {
    const usable = this.#images.filter((image) => image.timeline === timeline && image.lsn >= from && image.lsn <= to);
    return usable.reduce<Image | undefined>(
      (best, image) => (best === undefined || image.lsn > best.lsn ? image : best),
      undefined,
    );
  }

  #create(timeline: Timeline, lsn: Lsn): Image {
    const existing = this.#find(timeline, lsn, lsn);
    if (existing !== undefined) return existing;
    this.#counter += 1;
    const dir = join(this.#root, `${timeline.timelineId}-${lsn.toString(16).toUpperCase()}-${this.#counter}`);
    const files = new RelationFiles(dir, timeline.pgVersion);
    const ready = this.#materialize(timeline, lsn, dir).then((source) => {
      return { dir, files, source, pages: new PageFiles(dir) };
    });
    const image: Image = { timeline, lsn, dir, ready, made: undefined, users: 0, lastUse: performance.now() };
    this.#images.push(image);
    // Whoever uses the image gets the error; the image is of no use to the next one.
    ready.then(
      (made) => (image.made = made),
      () => this.#forget(image),
    );
    return image;
  }

  #forget(image: Image): void {
    this.#images = this.#images.filter((other) => other !== image);
    this.#remove(image);
  }

  #evict(): void {
    const idle = this.#images.filter((image) => image.users === 0).toSorted((a, b) => a.lastUse - b.lastUse);
    for (const image of idle.slice(0, Math.max(0, this.#images.length - KEPT))) this.#forget(image);
  }

  #remove(image: Image): void {
    const removal = removeFiles(image).finally(() => this.#removals.delete(image));
    this.#removals.set(image, removal);
  }
}

async function removeFiles(image: Image): Promise<void> {
  const made = await image.ready.catch(() => undefined);
  made?.pages.close();
  await rm(image.dir, { recursive: true, force: true });
}
