import type { Target, VitestSession } from "./vitest/session";
import type { RunReporter } from "./reporter/run-reporter";

export interface RoundsOptions {
  readonly repeat: number | undefined;
  readonly untilFail: boolean;
  readonly seed: number;
  readonly selected: ReadonlySet<string> | undefined;
  /** In the order in which they are to start; asked before each round. */
  readonly order: (seed: number) => readonly Target[];
  readonly isOver: () => boolean;
}

/** Runs the tests as often as was asked; each round has a seed of its own. Returns how many rounds there were. */
export async function runRounds(
  session: VitestSession,
  reporter: RunReporter,
  options: RoundsOptions,
): Promise<number> {
  const most = options.repeat ?? (options.untilFail ? Number.POSITIVE_INFINITY : 1);
  for (let round = 1; round <= most; round += 1) {
    const seed = options.seed + round - 1;
    process.env["NEON_TEST_SEED"] = String(seed);
    if (most > 1) process.stdout.write(`round ${round}${Number.isFinite(most) ? `/${most}` : ""}\n`);
    reporter.beginRound(options.selected, seed);
    await session.run(options.order(seed), seed);
    if (options.isOver() || (options.untilFail && reporter.failed > 0)) return round;
  }
  return most;
}
