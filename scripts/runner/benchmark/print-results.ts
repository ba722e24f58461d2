import {
  againstBaseline,
  describeVerdict,
  formatNumber,
  headline,
  summarize,
  toSeries,
} from "../../../harness/benchmark/results";
import type { BenchmarkLine, Verdict } from "../../../harness/benchmark/results";
import { HarnessError } from "../../../harness/types";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Medians with what they stray, benchmark by benchmark. */
export function printResults(lines: readonly BenchmarkLine[]): void {
  const [first] = lines;
  if (first === undefined) return;
  const warning = first.isEmbedded ? "EMBEDDED ENGINE: these are not Neon's numbers; " : "";
  print(`\n${first.machine}; ${warning}${first.engine}`);
  let heading = "";
  for (const { of, values } of toSeries(lines.filter(({ node }) => node === undefined))) {
    const title = `${of.benchmark} [${of.system}]  ${describeParameters(of)}`;
    if (title !== heading) print(`\n${title}`);
    heading = title;
    const { count, median, least, most, spread } = summarize(values);
    const strays = `(${formatNumber(least)}–${formatNumber(most)}, ±${(100 * spread).toFixed(1)}%, ${count} values)`;
    print(
      `  ${of.name.padEnd(44)} ${formatNumber(median).padStart(10)} ${of.unit.padEnd(8)} ${count === 1 ? "" : strays}`,
    );
  }
}

const describeParameters = ({ parameters, scale }: BenchmarkLine): string =>
  [...Object.entries(parameters), ...(scale === 1 ? [] : [["scale of the run", scale] as const])]
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** What can be said of A and B, metric by metric, then in one line. */
export function printVerdicts(verdicts: readonly Verdict[]): void {
  const about = verdicts.filter(({ of }) => of.node === undefined);
  for (const verdict of about) {
    print(
      `  ${`${verdict.of.benchmark} [${verdict.of.system}]: ${verdict.of.name}`.padEnd(60)} ${describeVerdict(verdict)}`,
    );
  }
  const [first] = about;
  const confidence =
    first === undefined ? "" : ` (${first.rounds} rounds, ${(100 * first.confidence).toFixed(1)}% confidence each)`;
  print(`${headline(about)}${confidence}`);
}

/** How everything stands against an earlier run; whether something is worse by more than it may. */
export function printStandings(
  baseline: readonly BenchmarkLine[],
  lines: readonly BenchmarkLine[],
  failOver: number,
): boolean {
  const standings = againstBaseline(baseline, lines, failOver).filter(({ of }) => of.node === undefined);
  if (standings.length === 0) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: "the baseline has nothing in common with this run",
      expected: "some of the same benchmarks, with the same parameters and scale, on the same kind of engine",
      found: `${new Set(baseline.map(({ benchmark }) => benchmark)).size} benchmarks of ${baseline[0]?.engine}`,
    });
  }
  const machines = new Set([...baseline, ...lines].map(({ machine }) => machine));
  if (machines.size > 1) print(`note: the baseline is of another machine: ${[...machines].join(" and ")}`);
  const worse = standings.filter(({ isWorse }) => isWorse);
  for (const { of, ratio, low, high } of worse) {
    print(
      `WORSE  ${of.benchmark} [${of.system}]: ${of.name}  × ${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}), more than ${failOver}`,
    );
  }
  print(`against the baseline: ${worse.length} of ${standings.length} metrics worse by more than ${failOver}`);
  return worse.length > 0;
}
