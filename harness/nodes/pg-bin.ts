import { existsSync } from "node:fs";
import type { PgVersion } from "../types";
import type { NodeContext } from "./context";
import { runTool } from "./tools/run-tool";

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

  /**
   * Runs the program to its end as the nodes' user and returns its stdout; COMMAND_FAILED shows its stderr, and
   * BINARY_MISSING says which directory lacks it.
   */
  async run(
    program: string,
    args: readonly string[],
    options: { input?: string; environment?: Record<string, string> } = {},
  ): Promise<string> {
    const { stdout } = await runTool(this.#context, this.path(program), args, { timeoutMs: 600_000, ...options });
    return stdout.replace(/\n$/, "");
  }
}
