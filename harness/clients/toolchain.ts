import type { Driver, Tool } from "./driver";
import { hostEnvironment } from "./host-environment";
import { runProgram } from "./run-program";

const VERSION = /(\d+(?:\.\d+)+)/;
const SLOT_MS = 60_000;

/** What this machine lacks for the driver and how to get it, in a line; undefined when nothing. */
export async function missingTools({ tools, get, folder }: Driver): Promise<string | undefined> {
  const missing: string[] = [];
  for (const tool of tools) {
    const found = await problemOf(tool, folder);
    if (found !== undefined) missing.push(found);
  }
  return missing.length === 0 ? undefined : `${[...new Set(missing)].join(", ")}: ${get}`;
}

async function problemOf({ command, atLeast }: Tool, cwd: string): Promise<string | undefined> {
  const name = command.join(" ");
  const end = await runProgram({ command, cwd, environment: hostEnvironment(), slotMs: SLOT_MS });
  if (end.isOverTime) return `\`${name}\` gave no answer`;
  if (end.exitCode === undefined) return `no ${command[0]}`;
  if (end.exitCode !== 0) return `\`${name}\` failed`;
  const version = VERSION.exec(`${end.stdout}\n${end.stderr}`)?.[1];
  if (atLeast === undefined || (version !== undefined && isAtLeast(version, atLeast))) return undefined;
  return `${command[0]} ${version ?? "of an unknown version"}, not ${atLeast} or later`;
}

/** Compares number by number. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const first = want.findIndex((number, at) => number !== (have[at] ?? 0));
  return first < 0 || (have[first] ?? 0) > (want[first] ?? 0);
}
