import { join } from "node:path";
import { execa } from "execa";
import { PACKAGE_ROOT } from "../project";

/** The environment of a person's shell: nothing that vitest or the run around us has put into ours, but its marker. */
function shellEnvironment(): Record<string, string> {
  const own =
    /^(VITEST|NEON_|FORCE_|NO_COLOR$|POSTGRES_DISTRIB_DIR$|DEFAULT_PG_VERSION$|TEST_OUTPUT$|RUST_LOG$|NODE_OPTIONS$|TEST$|NODE_ENV$|DEV$|PROD$|MODE$|SSR$)/;
  const kept = Object.entries(process.env).filter(([name]) => !own.test(name) || name === "NEON_TEST_RUN_ID");
  return Object.fromEntries(kept) as Record<string, string>;
}

/**
 * Starts the command; awaiting it gives exit code, stdout and stderr, and never throws for its exit code. It leaves out
 * the shell script before it, which would install packages into this very tree while other tests run on them.
 */
export function neonTest(
  args: readonly string[],
  env: Record<string, string> = {},
  options: { cwd?: string; timeoutMs?: number | undefined } = {},
) {
  return execa(process.execPath, [join(PACKAGE_ROOT, "dist", "command", "main.js"), ...args], {
    cwd: options.cwd ?? PACKAGE_ROOT,
    env: { ...shellEnvironment(), ...env },
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    timeout: options.timeoutMs ?? 100_000,
  });
}
