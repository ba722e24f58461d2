import { existsSync, readFileSync } from "node:fs";
import { HarnessError } from "../types";

export interface LogToCheck {
  component: string;
  path: string;
  /** Lines that match one of these are expected. */
  allowed: readonly RegExp[];
}

const SUSPICIOUS = /\s(ERROR|WARN)\s/;
const SHOWN = 20;

/** The lines at ERROR or WARN that no allow-list expects; empty when there is no log yet. */
export function unexpectedLines(log: LogToCheck): string[] {
  if (!existsSync(log.path)) return [];
  const lines = readFileSync(log.path, "utf8").split("\n");
  return lines.filter((line) => SUSPICIOUS.test(line) && !log.allowed.some((pattern) => pattern.test(line)));
}

/** Throws LOG_ERRORS with the first lines that nobody expected. */
export function checkLog(log: LogToCheck): void {
  const lines = unexpectedLines(log);
  if (lines.length === 0) return;
  const more = lines.length > SHOWN ? ` (the first ${SHOWN} follow)` : "";
  throw new HarnessError("LOG_ERRORS", {
    summary: `${log.component} logged ${lines.length} unexpected line(s) at ERROR or WARN${more}`,
    expected: "none besides those that the test allows",
    todo: "find the reason; if the test causes it, add a pattern to the node's allowedErrors",
    facts: { component: log.component, count: lines.length },
    logPath: log.path,
    logTail: lines.slice(0, SHOWN).join("\n"),
  });
}
