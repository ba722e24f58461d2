import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { NodeContext, PgBin } from "../../nodes";
import { runTool } from "../../nodes/tools/run-tool";
import { HarnessError } from "../../types";
import type { ComparedSystem } from "../systems/compared-system";
import { parseInit, parseRun } from "./pgbench-output";
import type { PgbenchRun } from "./pgbench-output";

/** The client program in POSTGRES_DISTRIB_DIR, or else in PATH; undefined where neither has it. */
export function findClientProgram(pgBin: PgBin, name: string): string | undefined {
  if (pgBin.has(name)) return pgBin.path(name);
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** For the reason of a skip: what is missing, and how to get it. */
export const howToGet = (name: string): string =>
  `${name} is neither in POSTGRES_DISTRIB_DIR nor in PATH: install your system's Postgres client (Debian: postgresql-client and postgresql-contrib)`;

/** pgbench, run as the nodes' user against any system. Its errors are COMMAND_FAILED with what it said. */
export class Pgbench {
  readonly version: string;
  readonly #context: NodeContext;
  readonly #path: string;

  private constructor(context: NodeContext, path: string, version: string) {
    this.#context = context;
    this.#path = path;
    this.version = version;
  }

  static async find(context: NodeContext, pgBin: PgBin): Promise<Pgbench | undefined> {
    const path = findClientProgram(pgBin, "pgbench");
    if (path === undefined) return undefined;
    const { stdout } = await runTool(context, path, ["--version"]);
    return new Pgbench(context, path, /[\d.]+/.exec(stdout)?.[0] ?? stdout.trim());
  }

  /** Seconds of each phase, `total` among them. */
  async init(system: ComparedSystem, options: { scale: number; steps?: string }): Promise<ReadonlyMap<string, number>> {
    const args = ["-i", `-s${options.scale}`, `-I${options.steps ?? "dtGvp"}`, system.connstr];
    return parseInit((await this.#run(args)).stderr);
  }

  /** With pgbench's own flags, e.g. `-S` for select only or `-N` for simple update. */
  async run(
    system: ComparedSystem,
    options: { flags?: readonly string[]; clients: number; seconds: number },
  ): Promise<PgbenchRun> {
    const args = [
      ...(options.flags ?? []),
      `-c${options.clients}`,
      `-T${options.seconds}`,
      "-Mprepared",
      "-n",
      system.connstr,
    ];
    const { stdout } = await this.#run(args);
    const result = parseRun(stdout);
    if (result !== undefined) return result;
    throw new HarnessError("COMMAND_FAILED", {
      summary: "pgbench says nothing that could be understood",
      expected: "a line with tps and one with the average latency",
      found: stdout,
    });
  }

  async #run(args: readonly string[]) {
    return runTool(this.#context, this.#path, args, { timeoutMs: 600_000 });
  }
}
