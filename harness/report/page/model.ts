import type { Evidence } from "../evidence-record";
import type { RunRecord } from "../run-record";

/** A line of the merged logs. */
export interface LogLine {
  readonly at: number;
  readonly node: string;
  readonly text: string;
  readonly isBad: boolean;
}

declare global {
  var neonTestRun: RunRecord;
  var neonTestEvidence: (key: string, evidence: Evidence) => void;
}

const waiting = new Map<string, (evidence: Evidence) => void>();
globalThis.neonTestEvidence = (key, evidence) => waiting.get(key)?.(evidence);

/** A page that was opened as a file may load scripts, but fetch nothing. */
export async function loadEvidence(path: string): Promise<Evidence> {
  const key = path.split("/").at(-1) ?? path;
  return new Promise((resolve, reject) => {
    waiting.set(key, resolve);
    const script = document.createElement("script");
    script.src = path;
    script.addEventListener("error", () => reject(new Error(`${path} is missing`)));
    document.head.append(script);
  });
}

// Neon's nodes write 2026-01-31T12:00:00.123456Z, Postgres 2026-01-31 12:00:00.123 UTC.
const TIME = /^(?:\S+ )?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z| UTC| GMT)/;
const BAD = /\b(ERROR|WARN|FATAL|PANIC)\b/;

/** All nodes' lines in the order of their times; a line without one belongs to the line before it. */
export function mergedLines({ logs, events }: Evidence): LogLine[] {
  const start = events[0]?.at ?? 0;
  const lines = logs.flatMap(({ node, text }) => {
    let at = start;
    return text.split("\n").flatMap((line): LogLine[] => {
      if (line === "") return [];
      const [, day, time] = TIME.exec(line) ?? [];
      if (day !== undefined) at = Date.parse(`${day}T${time}Z`);
      return [{ at, node, text: line, isBad: BAD.test(line) }];
    });
  });
  return lines.toSorted((a, b) => a.at - b.at);
}
