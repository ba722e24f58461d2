import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

/** A place in a log, in bytes: what stands before it is known already. */
export interface LogCursor {
  readonly offset: number;
}

export interface FoundLine {
  readonly line: string;
  /** Right behind the line, for a search that goes on from here. */
  readonly cursor: LogCursor;
}

const NEWLINE = 0x0a;

/** The first whole line from `from` on that matches; a line that is being written isn't seen yet. */
export function searchLogFile(path: string, pattern: RegExp | string, from?: LogCursor): FoundLine | undefined {
  const matcher = new RegExp(pattern, typeof pattern === "string" ? "" : pattern.flags.replace(/[gy]/g, ""));
  const start = from?.offset ?? 0;
  const bytes = bytesFrom(path, start);
  for (let begin = 0, end = bytes.indexOf(NEWLINE); end >= 0; begin = end + 1, end = bytes.indexOf(NEWLINE, begin)) {
    const line = bytes.toString("utf8", begin, end);
    if (matcher.test(line)) return { line, cursor: { offset: start + end + 1 } };
  }
  return undefined;
}

/** Behind everything that the log has now. */
export function endOfLogFile(path: string): LogCursor {
  return { offset: existsSync(path) ? withFile(path, (fd) => fstatSync(fd).size) : 0 };
}

function bytesFrom(path: string, offset: number): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  return withFile(path, (fd) => {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - offset));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
  });
}

function withFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
