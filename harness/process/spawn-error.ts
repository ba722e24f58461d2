import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { HarnessError, errnoOf, messageOfUnknown } from "../types";
import type { SpawnSpec } from "./managed-process";

/** One clear error for a command that could not be started: the system says ENOENT for four different things. */
export function spawnError(spec: SpawnSpec, error: unknown): HarnessError {
  const code = errnoOf(error);
  const user = spec.identity === undefined ? "" : ` as user ${spec.identity.name}`;
  const { found, todo, missing } = explain(spec, code, error);
  return new HarnessError(missing ? "BINARY_MISSING" : "SPAWN_FAILED", {
    summary: `cannot start ${spec.name}`,
    expected: `to run ${spec.command}${user} in ${spec.cwd}`,
    found,
    todo,
    facts: { component: spec.name, command: spec.command, errno: code },
    cause: error,
  });
}

interface Explanation {
  readonly found: string;
  readonly todo?: string;
  readonly missing?: boolean;
}

function explain(spec: SpawnSpec, code: string | undefined, error: unknown): Explanation {
  if (!isDirectory(spec.cwd)) return { found: `the working directory ${spec.cwd} does not exist` };
  // A folder of PATH that we can't enter turns "not found" into "refused".
  if (code === "ENOENT" || (code === "EACCES" && !isInPath(spec.command))) return explainMissing(spec);
  if (code === "EACCES") return explainRefused(spec);
  if (code === "EPERM") {
    return {
      found: `the system did not let uid ${process.getuid?.()} become another user`,
      todo: "start the run as root",
    };
  }
  return { found: messageOfUnknown(error) };
}

function explainMissing(spec: SpawnSpec): Explanation {
  if (spec.command.includes("/") && existsSync(spec.command)) {
    return { found: `${spec.command} is there, but the interpreter or loader that it names is not` };
  }
  const where = spec.command.includes("/") ? "no such file" : `no such command in PATH`;
  return { found: `${where}: ${spec.command}`, todo: "build or install it, or correct the path", missing: true };
}

function explainRefused(spec: SpawnSpec): Explanation {
  if (!isExecutableForUs(spec.command)) {
    return { found: `${spec.command} is not an executable file`, todo: `chmod +x ${spec.command}` };
  }
  if (spec.identity === undefined) return { found: `access to ${spec.command} or ${spec.cwd} was refused` };
  const name = spec.identity.name;
  return {
    found: `user ${name} may not execute ${spec.command}`,
    todo: `let ${name} enter the folders on the way, or set NEON_TEST_USER to a user that can`,
  };
}

function isInPath(command: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return command.includes("/") || folders.some((folder) => existsSync(join(folder, command)));
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function isExecutableForUs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
