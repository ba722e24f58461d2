import type { Engine } from "../../harness/engine";
import type { PortLease } from "../../harness/ports";
import { BEHAVIOURS, SLOW_READER } from "./behaviours";
import type { Part } from "./options";
import type { OriginalSuite } from "./original-suite";
import { runOurPlainest, runOurs } from "./our-suite";
import type { TestPhases } from "./phases";
import { ROWS } from "./rows";
import type { Round, Seconds } from "./rows";

const WORKERS = 2;

interface BenchParts {
  engine: Engine;
  ports: PortLease;
  workDir: string;
  original: OriginalSuite;
  parts: readonly Part[];
}

/** Both sides in turn, so that the machine's noise meets both. */
export class Bench {
  readonly #with: BenchParts;

  constructor(parts: BenchParts) {
    this.#with = parts;
  }

  /** Fills caches of both sides: the page cache, templates, compiled Python. Nothing of it is counted. */
  async warmUp(): Promise<void> {
    console.log("warming up");
    await this.#with.original.collect(BEHAVIOURS);
    await this.#environment();
  }

  async round(): Promise<Round> {
    const round: Round = { ours: {}, original: {} };
    for (const part of this.#with.parts) {
      const { ours, original } = await this.#measure(part);
      Object.assign(round.ours, ours);
      Object.assign(round.original, original);
      for (const { id, name } of ROWS.filter((row) => row.part === part)) {
        console.log(`  ${name}: ours ${ours[id]?.toFixed(2)} s, original ${original[id]?.toFixed(2)} s`);
      }
    }
    return round;
  }

  async #measure(part: Part): Promise<Round> {
    if (part === "environment") return this.#environment();
    if (part === "slow-reader") {
      const slowReader = await runOurs(SLOW_READER, 1, this.#with.workDir);
      const original = await this.#with.original.run(SLOW_READER, 1);
      return { ours: { slowReader }, original: { slowReader: original.seconds } };
    }
    const regress = await runOurs(BEHAVIOURS, WORKERS, this.#with.workDir);
    const original = await this.#with.original.run(BEHAVIOURS, WORKERS);
    return { ours: { regress }, original: { regress: original.seconds } };
  }

  async #environment(): Promise<Round> {
    const { engine, ports, workDir, original } = this.#with;
    const made = await runOurPlainest(engine, ports, workDir, { timelinesFromTemplate: false });
    const ours = await runOurPlainest(engine, ports, workDir);
    const theirs = asRows(await original.runPlainest());
    return { ours: { ...asRows(ours), made: made.setUp }, original: { ...theirs, made: theirs.setUp } };
  }
}

function asRows({ setUp, body, tearDown }: TestPhases): Seconds {
  return { setUp, tearDown, whole: setUp + body + tearDown };
}
