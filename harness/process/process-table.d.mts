export interface ProcessRow {
  readonly pid: number;
  readonly name: string;
  readonly ppid: number;
  readonly session: number;
  readonly hasTerminal: boolean;
  readonly startTime: string;
  /** A zombie is dead. */
  readonly alive: boolean;
}

export interface ProcessKey {
  readonly pid: number;
  readonly startTime: string | undefined;
}

export function listProcesses(): ProcessRow[];
export function startTimeOf(pid: number): string | undefined;
export function environments(pids: Iterable<number>): Map<number, string>;
export function workingDirectories(pids: Iterable<number>): Map<number, string>;
export function commandOf(pid: number): string;
export function withDescendants(table: readonly ProcessRow[], roots: readonly ProcessRow[]): ProcessRow[];
export function familyOf(table: readonly ProcessRow[], root: ProcessKey): ProcessRow[];
export function hasVariable(environment: string | undefined, variable: string): boolean;
