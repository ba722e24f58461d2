import { readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedProcess } from "./managed-process";
import type { SpawnSpec } from "./managed-process";

/** A temporary directory that every user can get to, removed at the end of the block. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(process.getuid?.() === 0 ? "/tmp" : tmpdir(), "neon-test-self-"));
  return { path, [Symbol.asyncDispose]: async () => rm(path, { recursive: true, force: true }) };
}

/** `node -e program`, killed with its family at the end of the block. */
export async function nodeProgram(
  directory: string,
  program: string,
  more: Partial<SpawnSpec> = {},
): Promise<ManagedProcess & AsyncDisposable> {
  const started = await ManagedProcess.spawn({
    name: "program",
    command: process.execPath,
    args: ["-e", program],
    cwd: directory,
    logPath: join(directory, "program.log"),
    ...more,
  });
  return Object.assign(started, { [Symbol.asyncDispose]: async () => started.killFamily() });
}

/** The pids that a program wrote into a file of the form `<pid> <pid> …`, once it is there. */
export function pidsIn(file: string): number[] | undefined {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  const text = readFileSync(file, "utf8");
  return text.endsWith("\n") ? text.trim().split(/\s+/).map(Number) : undefined;
}
