import { execa } from "execa";
import { killTree, runMarker } from "../process";

export interface ProgramEnd {
  readonly exitCode: number | undefined;
  readonly isOverTime: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramCall {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** After which the program and all that it started is killed, in ms. */
  readonly slotMs: number;
}

/** Runs a program to its end, or to the end of its time. Nothing of it is left. */
export async function runProgram({ command, cwd, environment, slotMs }: ProgramCall): Promise<ProgramEnd> {
  const [file, ...args] = command;
  const child = execa(file, args, {
    cwd,
    env: { ...environment, ...runMarker() },
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    // Its own session: killTree finds those that it started.
    detached: true,
    cleanup: false,
  });
  let killed: Promise<unknown> | undefined;
  const timer = setTimeout(() => {
    if (child.pid !== undefined) killed = killTree(child.pid, file);
  }, slotMs);
  try {
    const { exitCode, stdout, stderr, originalMessage } = await child;
    await killed;
    const isOverTime = killed !== undefined;
    return { exitCode, isOverTime, stdout, stderr: stderr === "" ? (originalMessage ?? "") : stderr };
  } finally {
    clearTimeout(timer);
  }
}
