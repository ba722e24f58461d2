import type { TestStatus } from "../../../harness/report";

export interface EndedTest {
  readonly name: string;
  readonly status: TestStatus;
  readonly durationMs: number;
  readonly note?: string | undefined;
  readonly kept?: string | undefined;
}

/** What a person sees while tests run. */
export interface Display {
  /** Text that is complete lines, of ours or of the tests, to stdout or stderr. */
  write(stream: NodeJS.WriteStream, text: string): void;
  expect(tests: number): void;
  started(name: string): void;
  ended(test: EndedTest): void;
  close(): void;
}

const COLORS = { passed: "32", failed: "31", skipped: "33" } as const;
const WORDS = { passed: "pass", failed: "FAIL", skipped: "skip" } as const;

export function paint(status: TestStatus, text: string): string {
  return process.stdout.isTTY && !process.env["NO_COLOR"] ? `\u001b[${COLORS[status]}m${text}\u001b[0m` : text;
}

/** `pass  regress/branching > …  1.84 s`, and where its files are. */
export function lineOf({ name, status, durationMs, note, kept }: EndedTest): string {
  const seconds = `  ${(durationMs / 1000).toFixed(2)} s`;
  const reason = note === undefined ? "" : `  (${note})`;
  const files = kept === undefined ? "" : `      kept: ${kept}\n`;
  return `${paint(status, WORDS[status])}  ${name}${status === "skipped" ? reason : seconds}\n${files}`;
}

/** For CI, and wherever the output goes: one line a test. */
export class LineDisplay implements Display {
  write(stream: NodeJS.WriteStream, text: string): void {
    stream.write(text);
  }

  expect(): void {}

  started(): void {}

  ended(test: EndedTest): void {
    process.stdout.write(lineOf(test));
  }

  close(): void {}
}
