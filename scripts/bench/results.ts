import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { HarnessError, messageOfUnknown } from "../../harness/types";
import type { Round } from "./rows";

interface Line extends Round {
  /** The binaries that were measured. */
  engine: string;
}

/** Rounds of several runs, one JSON object a line: a machine that others use, too, is quiet for minutes, not for an hour. */
export class Results {
  readonly #path: string | undefined;
  readonly #engine: string;
  readonly rounds: Round[] = [];

  /** Without a path only this run's rounds are kept. Throws BAD_VALUE for a file of other binaries, or of something else. */
  constructor(path: string | undefined, engine: string) {
    this.#path = path;
    this.#engine = engine;
    if (path === undefined || !existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").trim().split("\n")) this.rounds.push(this.#read(path, line));
  }

  add(round: Round): void {
    this.rounds.push(round);
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify({ engine: this.#engine, ...round })}\n`);
  }

  #read(path: string, text: string): Round {
    const { engine, ours, original } = parseLine(path, text);
    if (engine === this.#engine) return { ours, original };
    throw badFile(path, `rounds of ${this.#engine}`, `rounds of ${engine}`);
  }
}

function parseLine(path: string, text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch (error) {
    throw badFile(path, "one JSON object a line", messageOfUnknown(error));
  }
}

const badFile = (path: string, expected: string, found: string): HarnessError =>
  new HarnessError("BAD_VALUE", {
    summary: `${path} has no results to add to`,
    expected,
    found,
    todo: "name another file with --results FILE; it is made when it isn't there",
  });
