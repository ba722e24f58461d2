import { HarnessError } from "../types";
import type { BinaryFacts } from "./binary-facts";

/** Set to `allow` by who mixes revisions on purpose. */
const SETTING = "NEON_TEST_MIXED_REVISIONS";

/**
 * Throws MIXED_REVISIONS when the programs of one NEON_BIN were built from different commits, as a build of one crate after
 * a rebase leaves them: their protocols may differ, and a failure would say nothing. Uncommitted changes are not seen, and a
 * program that doesn't tell is taken to be like the others. Throws BAD_ENV for a value of the setting other than `allow`.
 */
export function requireOneRevision(binaries: readonly BinaryFacts[], neonBin: string, env: NodeJS.ProcessEnv): void {
  if (isAllowed(env[SETTING])) return;
  const commits = new Map<string, string[]>();
  for (const { name, revision } of binaries) {
    const commit = revision?.split("-")[0];
    if (commit !== undefined) commits.set(commit, [...(commits.get(commit) ?? []), name]);
  }
  if (commits.size < 2) return;
  throw new HarnessError("MIXED_REVISIONS", {
    summary: `the programs in ${neonBin} are of different revisions`,
    expected: "one revision for all",
    found: [...commits].map(([commit, names]) => `${names.join(", ")} of ${commit}`).join("; "),
    todo:
      "build them all again; to mix an earlier release in, name it with COMPATIBILITY_NEON_BIN; " +
      `to run them as they are, set ${SETTING}=allow`,
    facts: { dir: neonBin },
  });
}

function isAllowed(value: string | undefined): boolean {
  if (value === undefined || value === "") return false;
  if (value === "allow") return true;
  throw new HarnessError("BAD_ENV", { summary: `${SETTING} can't be that`, expected: "allow", found: value });
}
