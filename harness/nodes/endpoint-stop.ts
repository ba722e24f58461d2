import { HarnessError } from "../types";
import { pollUntil } from "../wait";
import { postmasterIsGone, signalPostmaster } from "./postmaster";

const POSTGRES_BUDGET_MS = 3_000;

/** compute_ctl gets its own signal before it has synchronised the safekeepers, which it does when Postgres ends. */
export async function endPostgresAtOnce(name: string, pgdata: string): Promise<void> {
  signalPostmaster(pgdata, "SIGQUIT");
  const gone = pollUntil("the end of its Postgres", () => postmasterIsGone(pgdata), {
    budgetMs: POSTGRES_BUDGET_MS,
    intervalMs: 2,
    component: name,
  });
  // What doesn't end by itself is killed.
  await gone.catch((error: unknown) => {
    if (!HarnessError.is(error, "WAIT_TIMEOUT")) throw error;
  });
}

export function fastStopFailed(name: string, budgetMs: number, logPath: string): HarnessError {
  return new HarnessError("NODE_WILL_NOT_STOP", {
    summary: `${name} did not stop by itself; phase: fast stop of Postgres`,
    expected: `Postgres to end within ${budgetMs} ms of SIGINT, and compute_ctl after it`,
    found: "both were still there; compute_ctl was sent SIGTERM, and what was left was killed",
    todo: "see the end of its log; without a majority of safekeepers a fast stop waits for ever: stop({ immediate: true })",
    facts: { component: name, phase: "fast stop" },
    logPath,
  });
}
