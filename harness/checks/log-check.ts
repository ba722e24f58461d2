import { existsSync, readFileSync } from "node:fs";
import { HarnessError } from "../types";
import { TORN_LINE } from "./allowed-errors";

export interface LogToCheck {
  component: string;
  path: string;
  /** Lines that match one of these are expected. */
  allowed: readonly RegExp[];
}

/** A log of which only some lines are bad, whatever their level. */
export interface LogToSearch {
  component: string;
  path: string;
  forbidden: readonly RegExp[];
}

const SUSPICIOUS = /\s(ERROR|WARN)\s/;
const SHOWN = 20;

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
}

/** A pattern with `g` or `y` begins where its last match ended, and so would miss every second line. */
const withoutMemory = (pattern: RegExp): RegExp => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));

/** The lines at ERROR or WARN that no allow-list expects; empty when there is no log yet. */
export function unexpectedLines(log: LogToCheck): string[] {
  const suspicious = linesOf(log.path).filter((line) => SUSPICIOUS.test(line));
  const expected = [TORN_LINE, ...log.allowed].map((pattern) => withoutMemory(pattern));
  return suspicious.filter((line) => !expected.some((pattern) => pattern.test(line)));
}

/** Throws LOG_ERRORS with the first lines that nobody expected. */
export function checkLog(log: LogToCheck): void {
  const lines = unexpectedLines(log);
  if (lines.length === 0) return;
  throw logErrors(log, lines, {
    summary: `${log.component} logged ${lines.length} unexpected line(s) at ERROR or WARN`,
    expected: "none besides those that the test allows",
    todo: "find the reason; if the test causes it, add a pattern to the node's allowedErrors",
  });
}

/** Throws LOG_ERRORS with the first lines that must never stand in such a log. */
export function searchLog(log: LogToSearch): void {
  const lines = linesOf(log.path).filter((line) => log.forbidden.some((pattern) => pattern.test(line)));
  if (lines.length === 0) return;
  throw logErrors(log, lines, {
    summary: `${log.component} logged ${lines.length} line(s) that mean damage`,
    expected: `none that match ${log.forbidden.join(", ")}`,
    todo: "find the reason; no test may cause it",
  });
}

function logErrors(
  log: { component: string; path: string },
  lines: readonly string[],
  what: { summary: string; expected: string; todo: string },
): HarnessError {
  return new HarnessError("LOG_ERRORS", {
    ...what,
    summary: lines.length > SHOWN ? `${what.summary} (the first ${SHOWN} follow)` : what.summary,
    facts: { component: log.component, count: lines.length },
    logPath: log.path,
    logTail: lines.slice(0, SHOWN).join("\n"),
  });
}
