import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import { HarnessError } from "../types";
import type { PgVersion } from "../types";
import type { NodeContext } from "./context";

/** Programs of the Postgres directory (`initdb`, `postgres`; `psql`, `pgbench` where the directory has them). */
export class PgBin {
  readonly #context: NodeContext;
  readonly version: PgVersion;

  constructor(context: NodeContext, version: PgVersion) {
    this.#context = context;
    this.version = version;
  }

  path(program: string): string {
    return this.#context.engine.postgresProgram(this.version, program);
  }

  has(program: string): boolean {
    return existsSync(this.path(program));
  }

  /** Runs the program to its end as the nodes' user and returns its stdout; a failure shows its stderr. */
  async run(program: string, args: readonly string[], options: { input?: string } = {}): Promise<string> {
    const path = this.path(program);
    if (!existsSync(path)) throw this.#missing(program, path);
    const identity = this.#context.engine.facts.identity;
    const result = await execa(path, args, {
      cwd: this.#context.repoDir,
      env: this.#context.environment,
      extendEnv: false,
      reject: false,
      ...(identity === undefined ? {} : { uid: identity.uid, gid: identity.gid }),
      ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    });
    if (result.failed) {
      throw new HarnessError("COMMAND_FAILED", {
        summary: `${program} failed`,
        expected: "exit code 0",
        found:
          result.exitCode === undefined ? (result.originalMessage ?? "no exit code") : `exit code ${result.exitCode}`,
        logTail: String(result.stderr),
        facts: { program, args, exitCode: result.exitCode },
      });
    }
    return String(result.stdout);
  }

  #missing(program: string, path: string): HarnessError {
    return new HarnessError("BINARY_MISSING", {
      summary: `there is no ${program} for Postgres ${this.version}`,
      expected: path,
      found: `${dirname(path)} without it`,
      todo: 'point POSTGRES_DISTRIB_DIR at a Postgres build that has it, or state requires("psql") in the test',
    });
  }
}
