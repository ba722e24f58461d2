import { existsSync } from "node:fs";
import { basename } from "node:path";
import { execa } from "execa";
import { runMarker } from "../../process";
import { HarnessError } from "../../types";
import type { NodeContext } from "../context";

export interface ToolResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface ToolOptions {
  input?: string;
  /** Added to the context's environment. */
  environment?: Readonly<Record<string, string>>;
  /** 60 s when not given. */
  timeoutMs?: number;
  /** Default: the context's repoDir. */
  cwd?: string;
  /** Whether an exit code other than 0 is an error; it is when not given. */
  check?: boolean;
}

const TIMEOUT_MS = 60_000;

/**
 * Runs a program to its end as the nodes' user. Throws BINARY_MISSING, or COMMAND_FAILED with what it wrote. What it
 * leaves running in the background carries the run's mark, and goes with the run.
 */
export async function runTool(
  context: NodeContext,
  path: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  if (!existsSync(path)) throw toolMissing(path);
  const identity = context.engine.facts.identity;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const result = await execa(path, args, {
    cwd: options.cwd ?? (existsSync(context.repoDir) ? context.repoDir : "/"),
    env: { PATH: process.env["PATH"] ?? "", ...context.environment, ...options.environment, ...runMarker() },
    extendEnv: false,
    reject: false,
    timeout: timeoutMs,
    stripFinalNewline: false,
    ...(identity === undefined ? {} : { uid: identity.uid, gid: identity.gid }),
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  const [stdout, stderr] = [String(result.stdout ?? ""), String(result.stderr ?? "")];
  if (result.exitCode === undefined || (result.exitCode !== 0 && options.check !== false)) {
    const ending = result.timedOut ? `no end within ${timeoutMs} ms` : `exit code ${result.exitCode}`;
    const found = result.exitCode === undefined && !result.timedOut ? result.originalMessage : ending;
    throw toolFailed(path, args, { found: found ?? ending, output: stderr || stdout, exitCode: result.exitCode });
  }
  return { stdout, stderr, exitCode: result.exitCode };
}

function toolFailed(
  path: string,
  args: readonly string[],
  facts: { found: string; output: string; exitCode: number | undefined },
): HarnessError {
  const program = basename(path);
  return new HarnessError("COMMAND_FAILED", {
    summary: `${program} failed`,
    expected: "exit code 0",
    found: facts.found,
    logTail: facts.output,
    facts: { program, args, exitCode: facts.exitCode },
  });
}

function toolMissing(path: string): HarnessError {
  const program = basename(path);
  return new HarnessError("BINARY_MISSING", {
    summary: `there is no ${program}`,
    expected: path,
    found: "no such file",
    todo: `take a build that has it, or state requires("${program}") in the test, so that it is skipped here`,
  });
}
