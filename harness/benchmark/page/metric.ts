import { formatNumber } from "../results/format";
import type { BenchmarkLine } from "../results/line";
import { toSeries } from "../results/series";
import type { Series } from "../results/series";
import { summarize } from "../results/summary";
import { escaped, tag } from "./markup";
import { distributionPlot, historyPlot } from "./plots";
import type { HistoryPoint } from "./plots";

/** One colour per system, the same all over the page. */
export function colorOf(system: string): string {
  const hash = Array.from(system).reduce((sum, character) => (sum * 33 + character.charCodeAt(0)) % 360, 11);
  // Names that differ in one letter, as those of two sides, shall not look alike.
  return `hsl(${(hash * 137) % 360} 60% 45%)`;
}

/** `neon: embedded engine 0.1.0`, and the side where two were compared. */
export const systemTitle = ({ system, engine, side }: BenchmarkLine): string =>
  `${system}: ${engine}${side === undefined ? "" : `, ${side}`}`;

const runOf = ({ run }: BenchmarkLine): string => run;

/** One metric of a benchmark: of each system the values of its last run, and its medians over all runs. */
export function metricSection(lines: readonly BenchmarkLine[]): string {
  const [of] = lines;
  if (of === undefined) return "";
  const systems = toSeries(lines, systemTitle).map((series) => ({ series, last: lastRun(series) }));
  const baseline = systems.find(({ series }) => series.of.system === "vanilla")?.last;
  const base = baseline === undefined || systems.length === 1 ? undefined : summarize(baseline.values).median;
  const rows = systems.map(({ last }) => tableRow(last, base));
  const better = of.direction === "parameter" ? "" : `, ${of.direction} is better`;
  const heads = ["", "median", "least – most", "spread", "values", ...(base === undefined ? [] : ["× vanilla"])];
  const plot = distributionPlot(
    systems.map(({ series, last }) => ({
      title: series.key,
      color: colorOf(series.key),
      values: last.values,
      median: summarize(last.values).median,
    })),
    of.unit,
  );
  const table = tag("table", {}, tag("tr", {}, ...heads.map((head) => tag("th", {}, head))), ...rows);
  return [
    tag(
      "h3",
      {},
      escaped(of.node === undefined ? of.name : `${of.node}: ${of.name}`),
      tag("small", {}, escaped(` ${of.unit}${better}${parametersOf(of)}`)),
    ),
    tag("div", { class: "metric" }, tag("div", {}, table), tag("div", {}, plot), tag("div", {}, historyOf(systems))),
  ].join("");
}

const lastRun = (series: Series): Series => toSeries(series.lines, runOf).at(-1) ?? series;

function tableRow({ of, values }: Series, base: number | undefined): string {
  const { count, median, least, most, spread } = summarize(values);
  const title = systemTitle(of);
  const cells = [
    formatNumber(median),
    count === 1 ? "" : `${formatNumber(least)} – ${formatNumber(most)}`,
    count === 1 ? "" : `±${(100 * spread).toFixed(1)}%`,
    String(count),
    ...(base === undefined ? [] : [base === 0 ? "" : (median / base).toFixed(2)]),
  ];
  const chip = tag("span", { class: "chip", style: `background:${colorOf(title)}` });
  const warning = of.isEmbedded ? tag("small", {}, " not Neon's numbers") : "";
  return tag("tr", {}, tag("td", {}, chip, escaped(title), warning), ...cells.map((cell) => tag("td", {}, cell)));
}

function historyOf(systems: readonly { series: Series }[]): string {
  const lines = systems.map(({ series }) => ({
    title: series.key,
    color: colorOf(series.key),
    points: toSeries(series.lines, runOf).map(({ of, values }): HistoryPoint => ({ at: of.at, ...summarize(values) })),
  }));
  const hasHistory = lines.some(({ points }) => points.length > 1);
  return hasHistory ? historyPlot(lines, systems[0]?.series.of.unit ?? "") : "";
}

function parametersOf({ parameters, scale }: BenchmarkLine): string {
  const all = [...Object.entries(parameters), ...(scale === 1 ? [] : [["scale of the run", scale] as const])];
  return all.length === 0 ? "" : `; ${all.map(([name, value]) => `${name} ${value}`).join(", ")}`;
}
