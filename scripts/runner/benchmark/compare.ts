import { rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beginRun } from "../../../harness/process";
import { PACKAGE_ROOT } from "../../project";
import type { Project } from "../../project";
import { Interruption } from "../interruption";
import { lineOf } from "./child-output";
import type { Side } from "./side";

export interface Comparison {
  readonly project: Project;
  readonly sides: readonly [Side, Side];
  /** Relative to the project. */
  readonly files: readonly string[];
  readonly rounds: number;
  /** Where the values go. */
  readonly results: string;
  readonly run: string;
  /** What each of the runs is told besides. */
  readonly options: readonly string[];
}

const NAMES = ["A", "B"] as const;
const WARM_UP = 0;

/**
 * File by file A, B, A, B, …: what a machine does meanwhile hits both alike. Each is a run of the command by itself, with
 * an environment of its own; the first round doesn't count. Returns the exit code.
 */
export async function runComparison(comparison: Comparison): Promise<number> {
  const { files, rounds, results } = comparison;
  // Whatever ends this process ends the runs below it.
  const reaped = await beginRun();
  const interruption = new Interruption();
  const discarded = `${results}.warm-up`;
  let code = 0;
  try {
    for (const file of files) {
      for (let round = WARM_UP; round <= rounds; round += 1) {
        for (const index of [0, 1] as const) {
          if (interruption.asked) return interruption.exitCode ?? 1;
          const target = round === WARM_UP ? discarded : results;
          code ||= await runOnce(comparison, interruption, { file, round, index, target });
          // Used wrongly, or the machine is too small: no further round would be better.
          if (code === 2) return code;
        }
      }
    }
    return interruption.exitCode ?? code;
  } finally {
    rmSync(discarded, { force: true });
    await reaped.finish({ interrupted: interruption.asked || code !== 0 });
  }
}

interface Once {
  readonly file: string;
  readonly round: number;
  readonly index: 0 | 1;
  readonly target: string;
}

async function runOnce(comparison: Comparison, interruption: Interruption, once: Once): Promise<number> {
  const { project, sides, options, run, rounds } = comparison;
  const { file, index, round, target } = once;
  const child = execa(
    process.execPath,
    [join(PACKAGE_ROOT, "dist", "command", "main.js"), "performance", file, ...options],
    {
      cwd: project.root,
      env: {
        ...sides[index].environment,
        NEON_TEST_BENCHMARK_FILE: target,
        NEON_TEST_BENCHMARK_RUN: run,
        NEON_TEST_BENCHMARK_SIDE: NAMES[index],
        NEON_TEST_BENCHMARK_SIDE_TEXT: sides[index].text,
        NEON_TEST_BENCHMARK_ROUND: String(round),
        // The parent's engine is not this one's.
        NEON_TEST_ENGINE: undefined,
        NEON_TEST_RUN_STATE: undefined,
      },
      // A terminal's Ctrl-C is for the parent, which passes it on once.
      detached: true,
      stdin: "ignore",
      all: true,
      reject: false,
    },
  );
  interruption.onAsked(() => void child.kill("SIGINT"));
  const { exitCode = 1, all } = await child;
  const place = round === WARM_UP ? "warm-up" : `round ${round}/${rounds}`;
  process.stdout.write(`${NAMES[index]}  ${file}  ${place}  ${lineOf(all)}\n`);
  if (exitCode !== 0 && !interruption.asked) process.stdout.write(`${all}\n`);
  return exitCode;
}
