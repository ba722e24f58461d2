/** What the programs here have in common: how checks are run and told of. See ../README.md. */

/** Finds what a check is to tell, or says why the driver can't. */
export type Check = (() => Promise<string>) | { readonly lacks: string };

const CHECKS = [
  "connect",
  "select",
  "parameters",
  "prepared",
  "rollback",
  "sqlstate",
  "rows",
  "copy",
  "cancel",
] as const;

/** Runs all checks in their order and prints a line for each; without a connection the rest isn't tried. */
export async function runChecks(checks: Record<(typeof CHECKS)[number], Check>): Promise<void> {
  for (const name of CHECKS) {
    const check = checks[name];
    try {
      if (typeof check === "function") print(name, "value", await check());
      else print(name, "skipped", check.lacks);
    } catch (error) {
      process.exitCode = 1;
      print(name, "error", words(error));
      if (name === "connect") return;
    }
  }
}

function print(name: string, kind: "value" | "error" | "skipped", text: string): void {
  process.stdout.write(`${name}\t${kind}\t${text.replace(/\s+/g, " ")}\n`);
}

interface Failure {
  name?: string;
  message?: string;
  code?: string;
  cause?: unknown;
  /** What Neon's driver calls the cause. */
  sourceError?: unknown;
}

/** The messages of an error and of its causes; some errors of Node have a code only. */
function words(error: unknown): string {
  const { name, message, code, sourceError, cause = sourceError } = error as Failure;
  const own = [name, code, message].filter((text) => text !== undefined && text !== "").join(" ");
  return cause === undefined ? own : `${own}: ${words(cause)}`;
}

/** The SQLSTATE with which the server refuses. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code } = error as Failure;
    if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) return code;
    throw error;
  }
  return "no error";
}

/** Asks until the query is under way; what isn't yet would not be there to be cancelled. */
export async function untilUnderWay(ask: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500 && !(await ask()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** For a second session: cancels the query of the session with this process id when it is under way. */
export const CANCEL_IF_ASLEEP =
  "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";

export function total(numbers: readonly number[]): string {
  return `${numbers.length} ${numbers.reduce((sum, each) => sum + each, 0)}`;
}
