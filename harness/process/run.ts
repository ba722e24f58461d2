import { HarnessError } from "../types";
import { startReaper, sweepStaleRuns } from "./start-reaper";

/** A run of tests, from whose beginning on nothing outlives this process. */
export interface Run {
  /** Clears up; throws LEFT_BEHIND when something still ran, unless the run was interrupted. */
  finish(outcome: { interrupted: boolean }): Promise<void>;
}

/** Clears up after runs that were killed together with their reapers, and begins one. */
export async function beginRun(): Promise<Run> {
  await sweepStaleRuns();
  const reaper = startReaper();
  return {
    finish: async ({ interrupted }) => {
      const { killed, failed } = await reaper.finish();
      if (failed.length > 0) throw notUndone(failed);
      if (killed.length > 0 && !interrupted) throw leftBehind(killed);
    },
  };
}

function leftBehind(killed: readonly { pid: number; command: string }[]): HarnessError {
  return new HarnessError("LEFT_BEHIND", {
    summary: "the run left processes behind; the reaper killed them",
    expected: "every test to end what it started",
    found: killed.map(({ pid, command }) => `${pid} ${command}`).join("\n"),
    todo: "find the test that started them and let its tear-down stop them",
  });
}

function notUndone(failed: readonly string[]): HarnessError {
  return new HarnessError("LEFT_BEHIND", {
    summary: "the run left something outside of this machine that could not be removed",
    expected: "these programs to remove it",
    found: failed.join("\n"),
    todo: "run them again when what they need is there",
  });
}
