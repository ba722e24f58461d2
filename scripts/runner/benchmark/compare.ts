import { rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { beginRun } from "../../../harness/process";
import { PACKAGE_ROOT } from "../../project";
import type { Project } from "../../project";
import { Interruption } from "../interruption";
import { lineOf } from "./child-output";
import type { Side } from "./side";
import { Turns } from "./turns";
import type { SideIndex } from "./turns";

export interface Comparison {
  readonly project: Project;
  readonly sides: readonly [Side, Side];
  /** Relative to the project. */
  readonly files: readonly string[];
  readonly rounds: number;
  /** Where the values go. */
  readonly results: string;
  readonly run: string;
  /** Where the two have their test directories, each one of its own. */
  readonly output: string;
  /** What each of the runs is told besides. */
  readonly options: readonly string[];
}

const NAMES = ["A", "B"] as const;
const WARM_UP = 0;

/**
 * File by file and round by round, A and B run at the same time and work in turn, each in a run of the command by itself with
 * an environment of its own: what a machine does meanwhile hits both alike. Who begins changes from round to round; the
 * first one doesn't count. Returns the exit code.
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
        if (interruption.asked) return interruption.exitCode ?? 1;
        const target = round === WARM_UP ? discarded : results;
        const ended = await runRound(comparison, interruption, { file, round, target });
        // Used wrongly, or the machine is too small: no further round would be better.
        if (ended === 2) return ended;
        code ||= ended;
      }
    }
    return interruption.exitCode ?? code;
  } finally {
    rmSync(discarded, { force: true });
    await reaped.finish({ interrupted: interruption.asked || code !== 0 });
  }
}

interface Round {
  readonly file: string;
  readonly round: number;
  readonly target: string;
}

async function runRound(comparison: Comparison, interruption: Interruption, what: Round): Promise<number> {
  const begun = new Map<SideIndex, Promise<Result>>();
  const children = new Set<{ kill: (signal: "SIGINT") => unknown }>();
  await using turns = await Turns.open((side) => {
    const child = startSide(comparison, what, side, turns.path(side));
    children.add(child);
    begun.set(
      side,
      child.then(({ exitCode = 1, all }) => {
        // Where the first one couldn't begin, the second wouldn't either.
        if (exitCode === 2) turns.beginNoMore();
        turns.ended(side);
        return { exitCode, all };
      }),
    );
  });
  interruption.onAsked(() => {
    turns.beginNoMore();
    for (const child of children) child.kill("SIGINT");
  });
  if (interruption.asked) return 1;
  const first = what.round % 2 === 0 ? 0 : 1;
  turns.start(first);
  let code = 0;
  // The second one has begun when the first has ended.
  for (const side of [first, first === 0 ? 1 : 0] as const) {
    const result = await begun.get(side);
    if (result === undefined) break;
    const { file, round } = what;
    const place = round === WARM_UP ? "warm-up" : `round ${round}/${comparison.rounds}`;
    process.stdout.write(`${NAMES[side]}  ${file}  ${place}  ${lineOf(result.all)}\n`);
    if (result.exitCode !== 0 && !interruption.asked) process.stdout.write(`${result.all}\n`);
    code = Math.max(code, result.exitCode);
  }
  return code;
}

interface Result {
  readonly exitCode: number;
  readonly all: string;
}

function startSide(comparison: Comparison, { file, round, target }: Round, index: SideIndex, turns: string) {
  const { project, sides, options, run, output } = comparison;
  return execa(process.execPath, [join(PACKAGE_ROOT, "dist", "command", "main.js"), "performance", file, ...options], {
    cwd: project.root,
    env: {
      ...sides[index].environment,
      TEST_OUTPUT: join(sides[index].environment["TEST_OUTPUT"] ?? output, `compare-${NAMES[index]}`),
      NEON_TEST_BENCHMARK_FILE: target,
      NEON_TEST_BENCHMARK_RUN: run,
      NEON_TEST_BENCHMARK_SIDE: NAMES[index],
      NEON_TEST_BENCHMARK_SIDE_TEXT: sides[index].text,
      NEON_TEST_BENCHMARK_ROUND: String(round),
      NEON_TEST_BENCHMARK_TURNS: turns,
      // The parent's engine is not this one's.
      NEON_TEST_ENGINE: undefined,
      NEON_TEST_RUN_STATE: undefined,
    },
    // A terminal's Ctrl-C is for the parent, which passes it on once.
    detached: true,
    stdin: "ignore",
    all: true,
    reject: false,
  });
}
