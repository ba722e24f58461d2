import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { hasErrorCode, jsonText, writeFileDurably } from "../service";
import type { LeaderRecord } from "./leadership";
import type { NodeRecord, ShardRecord } from "./model";
import type { SafekeeperRecord } from "./safekeepers";

export interface PersistentState {
  nodes: NodeRecord[];
  shards: ShardRecord[];
  safekeepers: SafekeeperRecord[];
  leader?: LeaderRecord | undefined;
}

const FORMAT_VERSION = 2;

function serialize(state: PersistentState): string {
  return jsonText({ version: FORMAT_VERSION, ...state }, 1);
}

/** The controller's database: one JSON file, replaced as a whole before any answer that relies on it. */
export class Store {
  readonly #path: string;
  readonly #snapshot: () => PersistentState;
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #closed = false;

  constructor(path: string, snapshot: () => PersistentState) {
    this.#path = path;
    this.#snapshot = snapshot;
  }

  static async load(path: string): Promise<PersistentState> {
    await mkdir(dirname(path), { recursive: true });
    try {
      const state = JSON.parse(await readFile(path, "utf8")) as PersistentState & { version: number };
      if (state.version !== FORMAT_VERSION) throw new Error(`unknown format version ${state.version}`);
      return { nodes: state.nodes, shards: state.shards, safekeepers: state.safekeepers, leader: state.leader };
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return { nodes: [], shards: [], safekeepers: [] };
      throw new Error(`could not read ${path}`, { cause: error });
    }
  }

  /** Writes nothing any more: another instance has taken over. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#writing;
  }

  /** Resolves when all that was in memory at the call is on disk. Callers that come during a write share the next one. */
  save(): Promise<void> {
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      if (this.#closed) throw new Error("this storage controller has stepped down");
      return writeFileDurably(this.#path, serialize(this.#snapshot()));
    });
    this.#writing = this.#queued.catch(() => undefined);
    return this.#queued;
  }

  /** Whether the file says what memory says. */
  async isConsistent(): Promise<boolean> {
    await this.save();
    return (await readFile(this.#path, "utf8")) === serialize(this.#snapshot());
  }
}
