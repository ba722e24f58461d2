import type { Lsn } from "../../../types";
import type { RemoteStorage } from "../../service";
import { segmentFileName } from "../../wal/segments";
import { formatTtid, type TenantTimelineId } from "../acceptor-state";

const hex16 = (lsn: Lsn): string => lsn.toString(16).toUpperCase().padStart(16, "0");

export interface PartialFacts {
  readonly term: bigint;
  readonly flushLsn: Lsn;
  readonly commitLsn: Lsn;
}

/** The WAL of one timeline in remote storage (neon-protocols §6): whole segments, and each safekeeper's last, partial one. */
export class RemoteWal {
  readonly #remote: RemoteStorage;
  readonly #prefix: string;

  constructor(remote: RemoteStorage, id: TenantTimelineId) {
    this.#remote = remote;
    this.#prefix = formatTtid(id);
  }

  uploadSegment(path: string, startLsn: Lsn, walSegSize: number): Promise<void> {
    return this.#remote.uploadFile(this.#segment(startLsn, walSegSize), path);
  }

  /** Undefined when the segment is not there. */
  readSegment(startLsn: Lsn, walSegSize: number): Promise<Buffer | undefined> {
    return this.#remote.read(this.#segment(startLsn, walSegSize));
  }

  uploadPartial(name: string, path: string, length: number): Promise<void> {
    return this.#remote.uploadFile(`${this.#prefix}/${name}`, path, { length });
  }

  downloadPartial(name: string, path: string): Promise<void> {
    return this.#remote.download(`${this.#prefix}/${name}`, path);
  }

  async copyPartial(from: string, to: string): Promise<void> {
    const bytes = await this.#remote.read(`${this.#prefix}/${from}`);
    if (bytes === undefined) throw new Error(`${from} is not in remote storage`);
    await this.#remote.uploadBytes(`${this.#prefix}/${to}`, bytes);
  }

  removePartial(name: string): Promise<void> {
    return this.#remote.remove(`${this.#prefix}/${name}`);
  }

  /** Copies a whole segment to another timeline; false when there is none. */
  async copySegment(startLsn: Lsn, walSegSize: number, target: RemoteWal): Promise<boolean> {
    const bytes = await this.readSegment(startLsn, walSegSize);
    if (bytes === undefined) return false;
    await this.#remote.uploadBytes(target.#segment(startLsn, walSegSize), bytes);
    return true;
  }

  async removeEverything(): Promise<void> {
    await this.#remote.removePrefix(this.#prefix);
  }

  #segment(startLsn: Lsn, walSegSize: number): string {
    return `${this.#prefix}/${segmentFileName(startLsn, walSegSize)}`;
  }
}

/** `<segment>_<term>_<flush>_<commit>_sk<N>.partial`. */
export function partialName(segment: string, facts: PartialFacts, nodeId: number): string {
  return `${segment}_${facts.term}_${hex16(facts.flushLsn)}_${hex16(facts.commitLsn)}_sk${nodeId}.partial`;
}
