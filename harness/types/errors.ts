import { HARNESS_ERRORS } from "./error-codes";
import type { Fault, HarnessErrorCode } from "./error-codes";
import { hideSecrets } from "./secrets";

/** Of a log's line in a message; the log itself has all of it. */
const LONGEST_LINE = 400;

export interface ErrorReport {
  /** One line: what went wrong, and to whom. */
  readonly summary: string;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** What the reader should do next. */
  readonly todo?: string | undefined;
  /** The same as fields (component, pid, exit code, signal, phase); never a key or a token. */
  readonly facts?: Record<string, unknown> | undefined;
  readonly cause?: unknown;
  readonly logTail?: string | undefined;
  readonly logPath?: string | undefined;
}

/**
 * The only error that the harness raises on purpose. `message` is complete for a person: a summary line with the code,
 * then `expected:`, `found:`, `to do:`, then the log and its tail; where the fault is the user's there is no stack.
 */
export class HarnessError extends Error {
  readonly code: HarnessErrorCode;
  readonly fault: Fault;
  readonly facts: Record<string, unknown>;

  constructor(code: HarnessErrorCode, report: ErrorReport) {
    super(hideSecrets(messageOf(code, report)), report.cause === undefined ? undefined : { cause: report.cause });
    this.name = "HarnessError";
    this.code = code;
    this.fault = HARNESS_ERRORS[code].fault;
    this.facts = report.facts ?? {};
    if (this.fault === "user") this.stack = `${this.name}: ${this.message}`;
  }

  static is(error: unknown, code?: HarnessErrorCode): error is HarnessError {
    return error instanceof HarnessError && (code === undefined || error.code === code);
  }
}

function messageOf(code: HarnessErrorCode, report: ErrorReport): string {
  const lines = [`${code}: ${report.summary}`];
  if (report.expected !== undefined) lines.push(`  expected: ${indented(report.expected)}`);
  if (report.found !== undefined) lines.push(`  found: ${indented(report.found)}`);
  if (report.todo !== undefined) lines.push(`  to do: ${indented(report.todo)}`);
  if (report.logPath !== undefined) lines.push(`  log: ${report.logPath}`);
  if (report.logTail !== undefined) lines.push(...tailLines(report.logTail));
  return lines.join("\n");
}

const indented = (text: string): string => text.replaceAll("\n", "\n    ");

function tailLines(tail: string): string[] {
  const text = tail.trimEnd();
  if (text === "") return ["  log tail: (the log is empty)"];
  return ["  log tail:", ...text.split("\n").map((line) => `    | ${shortened(line)}`)];
}

const shortened = (line: string): string => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line);

/** The message of anything that was thrown, with its code where the system gave one (`ECONNREFUSED 127.0.0.1:1`). */
export function messageOfUnknown(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== "") return error.message;
  const code = errnoOf(error);
  return code ?? error.name;
}

/** The `errno` name (`ENOENT`, `ECONNREFUSED`) of an error, also when it is wrapped as a cause. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code)) return error.code;
  return "cause" in error ? errnoOf(error.cause) : undefined;
}
