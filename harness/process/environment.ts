import { tmpdir } from "node:os";
import type { ProcessIdentity } from "./identity";

/** In the environment of everything that a run starts: this is how the reaper knows its own. */
export const RUN_ID = "NEON_TEST_RUN_ID";
/** The run's state directory; only for the runner and its workers, not for what they start. */
export const RUN_STATE = "NEON_TEST_RUN_STATE";
/** One value per `ManagedProcess`: finds the descendants of one process, also those that left its session. */
export const PROCESS_MARK = "NEON_TEST_PROCESS";

const FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin";

/** The run's marker, for those who start a child by other means than `ManagedProcess` (a one-shot `initdb`, say). */
export function runMarker(): Record<string, string> {
  const id = process.env[RUN_ID];
  return id === undefined ? {} : { [RUN_ID]: id };
}

/** The exact environment of a child: nothing of ours is inherited except PATH and the run's marker. */
export function childEnvironment(
  cwd: string,
  extra: Readonly<Record<string, string>> = {},
  identity?: ProcessIdentity,
): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? FALLBACK_PATH,
    HOME: cwd,
    // Root's own TMPDIR may be a folder that the test user can't enter.
    TMPDIR: identity === undefined ? tmpdir() : "/tmp",
    LANG: "C.UTF-8",
    ...extra,
    ...runMarker(),
  };
}
