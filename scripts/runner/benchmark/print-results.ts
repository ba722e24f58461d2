import { formatNumber, summarize, toSeries } from "../../../harness/benchmark/results";
import type { BenchmarkLine } from "../../../harness/benchmark/results";

/** Medians with what they stray, benchmark by benchmark. */
export function printResults(lines: readonly BenchmarkLine[]): void {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const [first] = lines;
  if (first === undefined) return;
  print(
    `\n${first.machine}; ${first.isEmbedded ? "EMBEDDED ENGINE: these are not Neon's numbers; " : ""}${first.engine}`,
  );
  let heading = "";
  for (const { of, values } of toSeries(lines.filter(({ node }) => node === undefined))) {
    const title = `${of.benchmark} [${of.system}]`;
    if (title !== heading) print(`\n${title}  ${describeParameters(of)}`);
    heading = title;
    const { count, median, least, most, spread } = summarize(values);
    const range =
      count === 1
        ? ""
        : `(${formatNumber(least)}–${formatNumber(most)}, ±${(100 * spread).toFixed(1)}%, ${count} values)`;
    print(`  ${of.name.padEnd(36)} ${formatNumber(median).padStart(10)} ${of.unit.padEnd(12)} ${range}`);
  }
}

const describeParameters = ({ parameters, scale }: BenchmarkLine): string =>
  [...Object.entries(parameters), ...(scale === 1 ? [] : [["scale of the run", scale] as const])]
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
