/** How a process ended. Exactly one of `code` and `signal` is set. */
export interface ExitFacts {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: Date;
}

/** What a wait has to know of the process that it waits for; `ManagedProcess` is one. */
export interface WatchedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Where in the log, in bytes, this start of the process begins: a log is appended to by every start. */
  readonly logStart: number;
  readonly exited: Promise<ExitFacts>;
  exitFacts(): ExitFacts | undefined;
  logTail(lines?: number): Promise<string>;
}

/** `exit code 1` or `signal SIGKILL`, for messages. */
export function describeExit(facts: ExitFacts): string {
  return facts.signal === null ? `exit code ${facts.code}` : `signal ${facts.signal}`;
}
