import { all } from "./wait-all";
import { http } from "./wait-http";
import { log } from "./wait-log";
import { lsn } from "./wait-lsn";
import { port } from "./wait-port";

/** Each gives a `Readiness`: it has a name, and `wait({ process, budgetMs })` ends at once when the process dies. */
export const Wait = { http, log, lsn, port, all } as const;

export { pollUntil } from "./poll-until";
export type { PollAttempt, PollOptions, Probe } from "./poll-until";
export type { Readiness, WaitContext } from "./readiness";
export { sleep } from "./sleep";
export type { HttpReadinessOptions } from "./wait-http";
