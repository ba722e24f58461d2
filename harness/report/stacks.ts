import { existsSync, readlinkSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { execa } from "execa";

const BUDGET_MS = 10_000;
const MOST_LINES = 120;

/** A debugger that prints the stacks of all threads of a process, if this machine has one. */
function debuggerFor(pid: number): [string, string[]] | undefined {
  const candidates: [string, string[]][] = [
    ["gdb", ["-batch", "-nx", "-p", String(pid), "-ex", "thread apply all bt 20"]],
    ["eu-stack", ["-p", String(pid)]],
  ];
  return candidates.find(([command]) => isInPath(command));
}

/**
 * Where each thread of a native process is, by gdb or eu-stack. Of a node.js process it would show the interpreter, not
 * the script, so that one is left out.
 */
export async function stacksOf(pid: number): Promise<string> {
  if (isNode(pid)) return "a node.js process: see its log, and what the kernel says above";
  const found = debuggerFor(pid);
  if (found === undefined) return "no stacks: install gdb or elfutils";
  const [command, args] = found;
  const result = await execa(command, args, { reject: false, timeout: BUDGET_MS, all: true, stdin: "ignore" });
  const lines = result.all.split("\n").filter((line) => !/^\[New LWP|^warning:|^Download failed/.test(line));
  const all = lines.join("\n").trim();
  if (lines.length <= MOST_LINES) return all;
  return [...all.split("\n").slice(0, MOST_LINES), `… ${lines.length - MOST_LINES} more lines`].join("\n");
}

function isNode(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === "node";
  } catch {
    // It is gone, or not ours to look into; the debugger will say so.
    return false;
  }
}

const isInPath = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
