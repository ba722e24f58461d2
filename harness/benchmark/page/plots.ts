import { formatNumber } from "../results/format";
import { escaped, tag } from "./markup";

const WIDTH = 360;
const ROW = 18;
const LEFT = 8;
const BOTTOM = 16;

/** One row of a plot: all values of a series. */
export interface PlotRow {
  readonly title: string;
  readonly color: string;
  readonly values: readonly number[];
  readonly median: number;
}

const scale =
  (least: number, most: number, width: number) =>
  (value: number): number =>
    LEFT + (most === least ? 0.5 : (value - least) / (most - least)) * (width - 2 * LEFT);

/** Every value as a dot, the median as a line; one row per series over one axis that begins at 0. */
export function distributionPlot(rows: readonly PlotRow[], unit: string): string {
  const all = rows.flatMap(({ values }) => values);
  const [least, most] = [Math.min(0, ...all), Math.max(...all)];
  const x = scale(least, most, WIDTH);
  const height = rows.length * ROW + BOTTOM;
  const marks = rows.flatMap(({ title, color, values, median }, index) => {
    const y = index * ROW + ROW / 2;
    const dots = values.map((value) =>
      tag(
        "circle",
        { cx: x(value).toFixed(1), cy: y, r: 3.5, fill: color, "fill-opacity": 0.5 },
        tooltip(title, value, unit),
      ),
    );
    const middle = { x1: x(median).toFixed(1), x2: x(median).toFixed(1), y1: y - 7, y2: y + 7 };
    return [
      ...dots,
      tag("line", { ...middle, stroke: color, "stroke-width": 2 }, tooltip(`${title}, median`, median, unit)),
    ];
  });
  return svg(WIDTH, height, [...marks, axis([least, most], x, height, unit)]);
}

export interface HistoryPoint {
  /** Epoch ms. */
  readonly at: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Medians over runs, with what each strayed; one line per series. */
export function historyPlot(
  lines: readonly { title: string; color: string; points: readonly HistoryPoint[] }[],
  unit: string,
): string {
  const height = 96;
  const runs = [...new Set(lines.flatMap(({ points }) => points.map(({ at }) => at)))].toSorted((a, b) => a - b);
  const top = Math.max(...lines.flatMap(({ points }) => points.map(({ most }) => most)));
  const x = (at: number): number => scale(0, Math.max(1, runs.length - 1), WIDTH)(runs.indexOf(at));
  const y = (value: number): number => height - BOTTOM - (top === 0 ? 0 : value / top) * (height - BOTTOM - 6);
  const marks = lines.flatMap(({ title, color, points }) => [
    tag("polyline", {
      points: points.map(({ at, median }) => `${x(at).toFixed(1)},${y(median).toFixed(1)}`).join(" "),
      ...{ fill: "none", stroke: color, "stroke-width": 1.5 },
    }),
    ...points.map(({ at, least, most }) => {
      const bar = { x1: x(at).toFixed(1), x2: x(at).toFixed(1), y1: y(least).toFixed(1), y2: y(most).toFixed(1) };
      return tag("line", { ...bar, stroke: color, "stroke-opacity": 0.4, "stroke-width": 4 });
    }),
    ...points.map(({ at, median }) =>
      tag(
        "circle",
        { cx: x(at).toFixed(1), cy: y(median).toFixed(1), r: 3, fill: color },
        tooltip(`${title}, ${new Date(at).toISOString()}`, median, unit),
      ),
    ),
  ]);
  const label = tag(
    "text",
    { x: LEFT, y: height - 3 },
    escaped(`${runs.length} runs, 0 to ${formatNumber(top)} ${unit}`),
  );
  return svg(WIDTH, height, [...marks, label]);
}

function axis([least, most]: [number, number], x: (value: number) => number, height: number, unit: string): string {
  const y = height - BOTTOM;
  return [
    tag("line", { x1: x(least), x2: x(most), y1: y, y2: y, stroke: "currentColor", "stroke-opacity": 0.3 }),
    tag("text", { x: x(least), y: height - 3 }, formatNumber(least)),
    tag("text", { x: x(most), y: height - 3, "text-anchor": "end" }, escaped(`${formatNumber(most)} ${unit}`)),
  ].join("");
}

const tooltip = (title: string, value: number, unit: string): string =>
  tag("title", {}, escaped(`${title}: ${formatNumber(value)} ${unit}`));

const svg = (width: number, height: number, children: readonly string[]): string =>
  tag("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" }, ...children);
