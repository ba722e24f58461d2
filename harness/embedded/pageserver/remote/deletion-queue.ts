import { errorText, failpoint, type Logger } from "../../service";
import type { RemoteStorage } from "../../service";

/** Objects that a tenant shard does not need any more, as its node saw it in a generation. */
export interface Deletion {
  readonly shardId: string;
  readonly generation: number;
  readonly keys: readonly string[];
  readonly done: () => void;
}

/** A remote_consistent_lsn that may be told to safekeepers when the generation that reached it is still the current one. */
export interface LsnUpdate {
  readonly shardId: string;
  readonly generation: number;
  readonly apply: () => void;
}

export interface ShardGeneration {
  readonly id: string;
  readonly gen: number;
}

/** Asks the storage controller which of these are the current generations: returns those, as `generationKey` writes them. */
export type ValidateGenerations = (
  shards: readonly ShardGeneration[],
  signal: AbortSignal,
) => Promise<ReadonlySet<string>>;

export const generationKey = ({ id, gen }: ShardGeneration): string => `${id} ${gen}`;

const nameOf = ({ shardId, generation }: Pick<Deletion, "shardId" | "generation">): string =>
  generationKey({ id: shardId, gen: generation });

function generationsOf(batch: readonly (Deletion | LsnUpdate)[]): ShardGeneration[] {
  const distinct = new Map(batch.map((deletion) => [nameOf(deletion), deletion]));
  return [...distinct.values()].map(({ shardId, generation }) => ({ id: shardId, gen: generation }));
}

const RETRY_MS = 1000;
/** News of several timelines go into one question to the storage controller. */
const GATHER_MS = 50;

/**
 * Deletes objects only after the storage controller has said that the generation is still the current one: a node that was
 * replaced without knowing must not remove what its successor uses. Deletions of old generations are dropped.
 */
export class DeletionQueue {
  readonly counts = { submitted: 0, validated: 0, executed: 0, dropped: 0, droppedLsnUpdates: 0 };
  readonly #remote: RemoteStorage;
  readonly #validate: ValidateGenerations;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #pending: Deletion[] = [];
  /** By shard and timeline: only the newest counts. */
  readonly #updates = new Map<string, LsnUpdate>();
  #gathering: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;

  constructor(remote: RemoteStorage, validate: ValidateGenerations, log: Logger) {
    this.#remote = remote;
    this.#validate = validate;
    this.#log = log;
  }

  push(deletion: Deletion): void {
    this.counts.submitted += deletion.keys.length;
    this.#pending.push(deletion);
    void this.flush();
  }

  /** Applies the update once its generation is validated; a later one of the same name takes its place. */
  updateLsn(name: string, update: LsnUpdate): void {
    this.#updates.set(name, update);
    this.#gathering ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  /** Executes what was pushed so far; what cannot be validated now is tried again later. */
  flush(): Promise<void> {
    clearTimeout(this.#retry);
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#running = this.#running.then(() => this.#execute());
    return this.#running;
  }

  /** Nothing is deleted after this. */
  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#retry);
    clearTimeout(this.#gathering);
    await this.#running;
  }

  async #execute(): Promise<void> {
    const batch = this.#pending.splice(0);
    const updates = new Map(this.#updates);
    this.#updates.clear();
    if (batch.length + updates.size === 0 || this.#stop.signal.aborted) return;
    try {
      const valid = await this.#validate(generationsOf([...batch, ...updates.values()]), this.#stop.signal);
      this.#applyUpdates(updates, valid);
      for (let next = batch[0]; next !== undefined; next = batch[0]) {
        if (valid.has(nameOf(next))) await this.#delete(next);
        else this.#drop(next);
        batch.shift();
      }
    } catch (error) {
      this.#pending.unshift(...batch);
      for (const [name, update] of updates) if (!this.#updates.has(name)) this.#updates.set(name, update);
      if (this.#stop.signal.aborted) return;
      this.#log.info(`deletions could not be executed, will retry: ${errorText(error)}`);
      this.#retry = setTimeout(() => void this.flush(), RETRY_MS);
    }
  }

  #applyUpdates(updates: Map<string, LsnUpdate>, valid: ReadonlySet<string>): void {
    for (const [name, update] of updates) {
      if (valid.has(nameOf(update))) update.apply();
      else this.counts.droppedLsnUpdates += 1;
      updates.delete(name);
    }
  }

  async #delete(deletion: Deletion): Promise<void> {
    await failpoint("deletion-queue-before-execute-pause", this.#stop.signal);
    if ((await failpoint("deletion-queue-before-execute")) !== undefined) throw new Error("failpoint set");
    for (const key of deletion.keys) await this.#remote.remove(key);
    this.counts.validated += deletion.keys.length;
    this.counts.executed += deletion.keys.length;
    deletion.done();
  }

  #drop(deletion: Deletion): void {
    this.#log.info(
      `dropping ${deletion.keys.length} deletions of ${deletion.shardId}: its generation is not the current one`,
    );
    this.counts.dropped += deletion.keys.length;
    deletion.done();
  }
}
