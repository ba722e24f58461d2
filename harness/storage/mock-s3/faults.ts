import { createHash } from "node:crypto";
import type { S3ErrorCode } from "./errors";
import { S3_OPERATIONS } from "./operation-names";
import type { S3Operation } from "./operation-names";

export type S3FaultEffect =
  | { kind: "error"; code: Extract<S3ErrorCode, "InternalError" | "SlowDown"> }
  /** The connection is cut before anything happens, or after the operation is done but before its answer. */
  | { kind: "reset"; when: "before" | "after" }
  /** The answer's body ends after so many bytes, with the connection. */
  | { kind: "truncate"; bytes: number }
  | { kind: "slow"; bytesPerSecond: number }
  | { kind: "delay"; ms: number }
  /** Listings show the bucket as it was so long ago, from the time on at which the fault was set. */
  | { kind: "stale-list"; ms: number };

/** What goes wrong, and when. Which requests it hits depends on seed, operation, key and the how many-eth try it is. */
export interface S3Fault {
  effect: S3FaultEffect;
  /** Default: all. */
  operations?: readonly S3Operation[];
  /** A regular expression, searched in the key (or, for listings, in the prefix). Default: all. */
  key?: string;
  /** From 0 to 1, default 1. */
  probability?: number;
  seed?: number;
  /** At most so often. */
  times?: number;
}

interface ActiveFault extends S3Fault {
  bucket: string | undefined;
  left: number;
  tries: Map<string, number>;
}

/** The faults that are set; deterministic for each key, whatever the order in which requests of other keys come. */
export class FaultPlan {
  #active: ActiveFault[] = [];
  #hits = 0;

  /** How many requests were hit. */
  get hits(): number {
    return this.#hits;
  }

  /** Replaces what was set before for this bucket, or, without one, for all. */
  set(faults: readonly S3Fault[], bucket?: string): void {
    const others = this.#active.filter((fault) => fault.bucket !== bucket);
    const added = faults.map((fault) => ({ ...fault, bucket, left: fault.times ?? Infinity, tries: new Map() }));
    this.#active = [...others, ...added];
  }

  /** How long changes have to be remembered for listings that lag behind. */
  get listLagMs(): number {
    return Math.max(0, ...this.#active.map(({ effect }) => (effect.kind === "stale-list" ? effect.ms : 0)));
  }

  /** The effects on one request. */
  draw(operation: S3Operation, bucket: string, key: string): S3FaultEffect[] {
    const meant = this.#active.filter((fault) => fault.bucket === undefined || fault.bucket === bucket);
    const hit = meant.filter((fault) => this.#hitsNow(fault, operation, key));
    for (const fault of hit) fault.left -= 1;
    if (hit.length > 0) this.#hits += 1;
    return hit.map(({ effect }) => effect);
  }

  #hitsNow(fault: ActiveFault, operation: S3Operation, key: string): boolean {
    const isMeant = (fault.operations ?? S3_OPERATIONS).includes(operation) && matches(fault, operation, key);
    if (!isMeant || fault.left <= 0) return false;
    const place = `${operation}/${key}`;
    const nth = (fault.tries.get(place) ?? 0) + 1;
    fault.tries.set(place, nth);
    return chance(`${fault.seed ?? 0}/${place}/${nth}`) < (fault.probability ?? 1);
  }
}

function matches({ key: pattern, effect }: S3Fault, operation: S3Operation, key: string): boolean {
  if (effect.kind === "stale-list" && !operation.startsWith("List")) return false;
  return pattern === undefined || new RegExp(pattern).test(key);
}

/** The same text gives the same number, from 0 to 1. */
const chance = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
