import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative } from "node:path";
import { EVENTS_FILE } from "../events";
import type { HarnessEvent } from "../events";
import type { Evidence, LogCopy } from "./evidence-record";
import { hideSecrets } from "../types";

/** Of one log, in bytes: its beginning and its end. What passed is of less interest. */
const KEPT = { passed: [16 * 1024, 32 * 1024], failed: [256 * 1024, 768 * 1024] } as const;
const MOST_LOGS = 60;

/** Reads a test's directory. */
export function collectEvidence(directory: string, outcome: { passed: boolean }): Evidence {
  const [head, tail] = KEPT[outcome.passed ? "passed" : "failed"];
  const paths = logsIn(directory).slice(0, MOST_LOGS);
  return { events: readEvents(directory), logs: paths.map((path) => copyLog(directory, path, head, tail)) };
}

/** One file per attempt, a script: a page that was opened as a file may load scripts, but nothing else. */
export function writeEvidence(path: string, evidence: Evidence): void {
  const key = JSON.stringify(basename(path));
  // No `</script>` can end it early, and no line separator of JavaScript's own.
  const json = JSON.stringify(evidence)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  writeFileSync(path, `neonTestEvidence(${key}, ${json});\n`);
}

export function readEvidence(path: string): Evidence {
  const text = readFileSync(path, "utf8");
  return JSON.parse(text.slice(text.indexOf(", ") + 2, text.lastIndexOf(");"))) as Evidence;
}

function readEvents(directory: string): HarnessEvent[] {
  const path = join(directory, EVENTS_FILE);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as HarnessEvent]));
}

/** The nodes' logs, and how the output of PostgreSQL's own tests differs. */
function logsIn(directory: string): string[] {
  return filesBelow(directory)
    .filter((path) => path.endsWith(".log") || path.endsWith("regression.diffs"))
    .toSorted();
}

/** Links lead out of the directory: `pg_dynshmem` of a Neon compute is /dev/shm, where others make and remove files. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

function copyLog(directory: string, path: string, head: number, tail: number): LogCopy {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const isWhole = size <= head + tail;
    const parts = isWhole ? [part(file, 0, size)] : [part(file, 0, head), part(file, size - tail, tail)];
    const omittedBytes = isWhole ? 0 : size - head - tail;
    const text = parts.join(`\n… ${omittedBytes} bytes left out …\n`);
    return { path: relative(directory, path), node: nodeOf(path), text: hideSecrets(text), omittedBytes };
  } finally {
    closeSync(file);
  }
}

function part(file: number, position: number, length: number): string {
  const buffer = Buffer.alloc(length);
  return buffer.toString("utf8", 0, readSync(file, buffer, 0, length, position));
}

/** As the harness calls it: `pageserver-1`, `ep-1`, `safekeeper-1`, `storage_broker`. */
function nodeOf(path: string): string {
  const [file = "", folder = ""] = path.split("/").toReversed();
  const stem = file.replace(/\.log$/, "");
  if (stem === "compute") return folder;
  const number = /_(\d+)$/.exec(folder)?.[1];
  return stem === "pageserver" && number !== undefined ? `${stem}-${number}` : stem;
}
