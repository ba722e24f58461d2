import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarnessError } from "../../types";
import type { BenchmarkLine } from "./line";

const ENDING = ".jsonl";

/** Appends in one write: a run that is killed leaves whole lines. */
export function appendLines(path: string, lines: readonly BenchmarkLine[]): void {
  if (lines.length === 0) return;
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/**
 * The lines of one file, or of all `*.jsonl` of a folder, in the order of their times. A last line that was cut off is
 * passed over. Throws BAD_ARGUMENT where there is nothing, or something else.
 */
export function readResults(path: string): BenchmarkLine[] {
  if (!existsSync(path)) throw noResults(path, "no such file or folder");
  const files = statSync(path).isDirectory() ? filesIn(path) : [path];
  if (files.length === 0) throw noResults(path, `a folder without *${ENDING}`);
  return files.flatMap(readFile).toSorted((a, b) => a.at - b.at);
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(ENDING))
    .map((name) => join(directory, name));

function readFile(path: string): BenchmarkLine[] {
  const texts = readFileSync(path, "utf8").split("\n");
  const last = texts.findLastIndex((text) => text !== "");
  return texts.flatMap((text, index) => {
    if (text === "") return [];
    const line = parse(text);
    if (line?.version === 1) return [line];
    if (line === undefined && index === last && index > 0) return [];
    throw noResults(path, line === undefined ? `line ${index + 1} is no JSON` : `line ${index + 1} has another form`);
  });
}

function parse(text: string): BenchmarkLine | undefined {
  try {
    return JSON.parse(text) as BenchmarkLine;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function noResults(path: string, found: string): HarnessError {
  return new HarnessError("BAD_ARGUMENT", {
    summary: `${path} has no results of benchmarks`,
    expected: "a file of JSON lines that `neon-test performance` has written, or a folder with such files",
    found,
  });
}
