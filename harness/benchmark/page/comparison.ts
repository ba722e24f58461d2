import type { BenchmarkLine } from "../results/line";
import { toSeries } from "../results/series";
import { compareSides, describeVerdict } from "../results/verdict";
import type { Verdict } from "../results/verdict";
import { escaped, tag } from "./markup";
import { ratioPlot } from "./ratio-plot";

/** The last run in which two sides were compared: each metric's ratio and what can be said of it. */
export function comparisonSection(lines: readonly BenchmarkLine[]): string {
  const last = toSeries(
    lines.filter(({ side }) => side !== undefined),
    ({ run }) => run,
  ).at(-1);
  if (last === undefined) return "";
  const verdicts = compareSides(last.lines);
  if (verdicts.length === 0) return "";
  const heads = ["", "B / A", "what can be said", ""].map((head) => tag("th", {}, head));
  const about = verdicts.filter(({ of }) => of.node === undefined);
  const nodes = verdicts.filter(({ of }) => of.node !== undefined);
  const table = (rows: readonly Verdict[]): string => tag("table", {}, tag("tr", {}, ...heads), ...rows.map(row));
  const sides = toSeries(last.lines, ({ side }) => String(side)).map(
    ({ key, of }) => `${key} is ${of.engine}${of.sideText === undefined ? "" : ` (${of.sideText})`}`,
  );
  return [
    tag("h2", { id: "comparison" }, "A and B"),
    tag(
      "p",
      {},
      tag(
        "small",
        {},
        escaped(`${sides.toSorted().join("; ")}; above 1, B is worse. Run of ${new Date(last.of.at).toISOString()}.`),
      ),
    ),
    table(about),
    ...(nodes.length === 0
      ? []
      : [tag("details", {}, tag("summary", {}, "memory and processor time of each node"), table(nodes))]),
  ].join("\n");
}

function row(verdict: Verdict): string {
  const { of, ratio, outcome } = verdict;
  const name = `${of.benchmark} [${of.system}]: ${of.node === undefined ? "" : `${of.node}, `}${of.name}`;
  return tag(
    "tr",
    {},
    tag("td", {}, escaped(name)),
    tag("td", {}, ratio.toFixed(3)),
    tag("td", { class: outcome }, escaped(describeVerdict(verdict))),
    tag("td", {}, ratioPlot(verdict)),
  );
}
