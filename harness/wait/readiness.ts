import type { WatchedProcess } from "../types";

export interface WaitContext {
  /** Whose readiness it is: the wait ends at once when it dies, and its log is quoted. */
  readonly process?: WatchedProcess | undefined;
  readonly component?: string | undefined;
  readonly budgetMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Something that will be so within a budget, or else there is an error that says what was seen last. */
export interface Readiness {
  readonly name: string;
  wait(context: WaitContext): Promise<void>;
}
