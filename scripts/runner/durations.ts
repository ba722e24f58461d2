import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarnessError, messageOfUnknown } from "../../harness/types";

const FILE = "durations.json";
/** For the first test of a project. */
const GUESS_SECONDS = 2;

/** How long tests took, in seconds, by their full names; committed, so that all shards plan alike. */
export class Durations {
  readonly #path: string;
  readonly #seconds: Map<string, number>;

  private constructor(path: string, seconds: Map<string, number>) {
    this.#path = path;
    this.#seconds = seconds;
  }

  /** Throws BAD_CONFIG for a file that can't be read. */
  static load(projectRoot: string): Durations {
    const path = join(projectRoot, FILE);
    if (!existsSync(path)) return new Durations(path, new Map());
    try {
      const entries = JSON.parse(readFileSync(path, "utf8")) as Record<string, number>;
      return new Durations(path, new Map(Object.entries(entries)));
    } catch (error) {
      throw new HarnessError("BAD_CONFIG", {
        summary: `${path} can't be read`,
        expected: "JSON, test names with their seconds",
        found: messageOfUnknown(error),
        todo: "remove it, and have it written anew with --update-durations",
      });
    }
  }

  /** What was recorded; for a test that is new, the middle of the others of its file, or of all. */
  of(name: string): number {
    const known = this.#seconds.get(name);
    if (known !== undefined) return known;
    const neighbours = this.#entriesIn(fileOf(name));
    return median((neighbours.length > 0 ? neighbours : [...this.#seconds]).map(([, seconds]) => seconds));
  }

  /** How many tests of a file (without `.test.ts`) are recorded. */
  countIn(stem: string): number {
    return this.#entriesIn(stem).length;
  }

  /** Seconds of a whole file. */
  inFile(stem: string): number {
    return this.#entriesIn(stem).reduce((sum, [, seconds]) => sum + seconds, 0);
  }

  #entriesIn(stem: string): [string, number][] {
    return [...this.#seconds].filter(([name]) => name.startsWith(`${stem} > `));
  }

  /** Writes the file with these on top of what it had; tests of files that are gone go. */
  update(measured: ReadonlyMap<string, number>): void {
    const merged = new Map([...this.#seconds, ...measured]);
    const rows = [...merged].filter(([name]) => this.#fileExists(name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rounded = rows.map(([name, seconds]) => [name, Math.round(seconds * 100) / 100]);
    writeFileSync(this.#path, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  }

  #fileExists(name: string): boolean {
    return existsSync(join(dirname(this.#path), `${fileOf(name)}.test.ts`));
  }
}

const fileOf = (name: string): string => name.split(" > ")[0] ?? "";

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? GUESS_SECONDS;
}
