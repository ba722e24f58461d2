import { errorText, failAt, failpoint, type Logger, pause, type RemoteStorage } from "../../service";
import type { Lsn } from "../../../types";
import type { Layer } from "../layers/layer";
import type { DeletionQueue } from "./deletion-queue";
import { formatIndexPart, type IndexPart } from "./index-part";
import { indexObject, layerObject, layerOwner, remoteTimelinePrefix } from "./paths";
import { removeTimelineObjects } from "./remove-timeline-objects";

export type RemoteOperation = "layer/upload" | "index/upload" | "layer/download" | "layer/delete";

/** Calls and bytes per kind of operation, for the metrics remote_timeline_client_*. */
export type RemoteCounts = Map<RemoteOperation, { started: number; finished: number; bytes: number }>;

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 3000;

/** The uploads of one timeline: one after the other in the order of their scheduling, each retried until it succeeds. */
export class RemoteTimelineClient {
  readonly counts: RemoteCounts = new Map();
  readonly #remote: RemoteStorage;
  readonly #deletions: DeletionQueue;
  readonly #shardId: string;
  readonly #timelineId: string;
  readonly #prefix: string;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #queue: Promise<void> = Promise.resolve();
  #remoteConsistentLsn: Lsn;
  #visibleRemoteConsistentLsn: Lsn;

  constructor(options: {
    remote: RemoteStorage;
    shardId: string;
    timelineId: string;
    log: Logger;
    deletions: DeletionQueue;
    remoteConsistentLsn: Lsn;
  }) {
    this.#remote = options.remote;
    this.#deletions = options.deletions;
    this.#shardId = options.shardId;
    this.#timelineId = options.timelineId;
    this.#prefix = remoteTimelinePrefix(options.shardId, options.timelineId);
    this.#log = options.log;
    this.#remoteConsistentLsn = options.remoteConsistentLsn;
    this.#visibleRemoteConsistentLsn = options.remoteConsistentLsn;
  }

  /** Up to where remote storage holds everything. */
  get remoteConsistentLsn(): Lsn {
    return this.#remoteConsistentLsn;
  }

  /** As far as the storage controller has confirmed that the generation that wrote it counts: safekeepers may rely on it. */
  get visibleRemoteConsistentLsn(): Lsn {
    return this.#visibleRemoteConsistentLsn;
  }

  /** Uploads layers, then the index that names them, and calls `uploaded`. */
  schedule(layers: readonly Layer[], generation: number, index: IndexPart, uploaded?: () => void): void {
    for (const layer of layers) {
      const key = this.#keyOf(layer);
      this.#enqueue("layer/upload", layer.fileSize, async () => {
        await failAt("before-upload-layer");
        await failpoint("before-upload-layer-pausable", this.#stop.signal);
        await this.#remote.uploadFile(key, layer.path);
      });
    }
    const bytes = Buffer.from(formatIndexPart(index));
    const key = `${this.#prefix}/${indexObject(generation)}`;
    this.#enqueue("index/upload", bytes.length, async () => {
      await failAt("before-upload-index");
      await failpoint("before-upload-index-pausable", this.#stop.signal);
      await this.#remote.uploadBytes(key, bytes);
      this.#remoteConsistentLsn = index.diskConsistentLsn;
      this.#askWhetherVisible(generation, index.diskConsistentLsn, uploaded);
      uploaded?.();
    });
  }

  #askWhetherVisible(generation: number, lsn: Lsn, applied: (() => void) | undefined): void {
    if (lsn <= this.#visibleRemoteConsistentLsn) return;
    this.#deletions.updateLsn(this.#prefix, {
      shardId: this.#shardId,
      generation,
      apply: () => {
        if (lsn > this.#visibleRemoteConsistentLsn) this.#visibleRemoteConsistentLsn = lsn;
        applied?.();
      },
    });
  }

  /** Resolves when everything scheduled so far is in remote storage, or the client was stopped. */
  waitCompletion(): Promise<void> {
    return this.#queue;
  }

  /** As waitCompletion, but gives up after the time; false then. */
  async completedWithin(milliseconds: number): Promise<boolean> {
    const decided = new AbortController();
    const late = pause(milliseconds, decided.signal).then(() => false);
    const completed = await Promise.race([this.#queue.then(() => true), late]);
    decided.abort();
    return completed;
  }

  async download(layer: Layer): Promise<void> {
    const key = this.#keyOf(layer);
    await failpoint("before-downloading-layer-stream-pausable", this.#stop.signal);
    await failAt(
      "remote-storage-download-pre-rename",
      undefined,
      "remote-storage-download-pre-rename failpoint triggered",
    );
    await this.#counted("layer/download", layer.fileSize, () => this.#remote.download(key, layer.path));
  }

  /** Copies a layer's object to that of another timeline's layer. */
  async copyLayer(layer: Layer, target: RemoteTimelineClient, copy: Layer): Promise<void> {
    await this.#remote.copy(this.#keyOf(layer), target.#keyOf(copy));
  }

  /** Gives layers that no index names any more to the deletion queue. */
  deleteLayers(layers: readonly Layer[], generation: number): void {
    // What a shard inherited when its parent was split, its siblings may still use.
    const own = layers.filter((layer) => layerOwner(this.#shardId.split("-")[0] ?? "", layer.shard) === this.#shardId);
    const keys = own.map((layer) => this.#keyOf(layer));
    const counted = this.#start("layer/delete");
    this.#deletions.push({ shardId: this.#shardId, generation, keys, done: () => (counted.finished += 1) });
  }

  /** Gives up what is scheduled; an upload that has begun ends first. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#queue;
  }

  async removeEverything(): Promise<void> {
    await this.#counted("layer/delete", 0, () => removeTimelineObjects(this.#remote, this.#prefix));
  }

  #keyOf(layer: Layer): string {
    const owner = layerOwner(this.#shardId.split("-")[0] ?? "", layer.shard);
    return `${remoteTimelinePrefix(owner, this.#timelineId)}/${layerObject(layer.fileName, layer.generation)}`;
  }

  #enqueue(operation: RemoteOperation, bytes: number, work: () => Promise<void>): void {
    const counted = this.#start(operation);
    this.#queue = this.#queue.then(async () => {
      await this.#untilDone(operation, work);
      counted.finished += 1;
      counted.bytes += bytes;
    });
  }

  async #untilDone(operation: RemoteOperation, work: () => Promise<void>): Promise<void> {
    let waitMs = FIRST_RETRY_MS;
    while (!this.#stop.signal.aborted) {
      try {
        return await work();
      } catch (error) {
        this.#log.warn(`${operation} failed, will retry: ${errorText(error)}`);
        await pause(waitMs, this.#stop.signal);
        waitMs = Math.min(waitMs * 2, LAST_RETRY_MS);
      }
    }
  }

  async #counted(operation: RemoteOperation, bytes: number, work: () => Promise<void>): Promise<void> {
    const counted = this.#start(operation);
    try {
      await work();
      counted.bytes += bytes;
    } finally {
      counted.finished += 1;
    }
  }

  #start(operation: RemoteOperation): { started: number; finished: number; bytes: number } {
    const counted = this.counts.get(operation) ?? { started: 0, finished: 0, bytes: 0 };
    this.counts.set(operation, counted);
    counted.started += 1;
    return counted;
  }
}
