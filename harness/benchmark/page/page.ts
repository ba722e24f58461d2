import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchmarkLine } from "../results/line";
import { toSeries } from "../results/series";
import { escaped, tag } from "./markup";
import { comparisonSection } from "./comparison";
import { metricSection } from "./metric";
import { STYLE } from "./style";

/** One page that needs neither scripts nor a network, over all results of a folder; returns its path. */
export function writePage(directory: string, lines: readonly BenchmarkLine[]): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "index.html");
  writeFileSync(path, pageText(lines));
  return path;
}

export function pageText(lines: readonly BenchmarkLine[]): string {
  const benchmarks = toSeries(lines, ({ benchmark }) => benchmark).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>neon-test performance</title><style>${STYLE}</style>`;
  const links = benchmarks.map(({ key }, index) => tag("a", { href: `#b${index}` }, escaped(key)));
  const sections = benchmarks.map(({ key, lines: own }, index) => benchmarkSection(key, `b${index}`, own));
  const body = [
    tag("h1", {}, "neon-test performance"),
    facts(lines),
    comparisonSection(lines),
    tag("nav", {}, ...links),
    ...sections,
  ].join("\n");
  return `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body>\n${body}\n</body></html>\n`;
}

function benchmarkSection(title: string, id: string, lines: readonly BenchmarkLine[]): string {
  const metric = ({ node, name, unit, parameters, scale }: BenchmarkLine): string =>
    JSON.stringify([node, name, unit, parameters, scale]);
  const sections = (own: readonly BenchmarkLine[]): string[] =>
    toSeries(own, metric).map((series) => metricSection(series.lines));
  const nodes = sections(lines.filter(({ node }) => node !== undefined));
  return [
    tag("h2", { id }, escaped(title)),
    ...sections(lines.filter(({ node }) => node === undefined)),
    ...(nodes.length === 0
      ? []
      : [tag("details", {}, tag("summary", {}, "memory and processor time of each node"), ...nodes)]),
  ].join("\n");
}

/** Whoever is a Postgres says its version in its name. */
function describeSystem({ system, engine, versions }: BenchmarkLine): string {
  const version = versions["postgres"];
  const isSaid = version === undefined || engine.includes(version);
  return `${system}: ${engine}${isSaid ? "" : `, Postgres ${version}`}`;
}

function facts(lines: readonly BenchmarkLine[]): string {
  const distinct = (of: (line: BenchmarkLine) => string): string[] => [...new Set(lines.map(of))];
  const last = lines.at(-1);
  const rows: [string, string][] = [
    ["runs", String(distinct(({ run }) => run).length)],
    ["systems", distinct(describeSystem).join("; ")],
    ["machines", distinct(({ platform, machine }) => `${platform}: ${machine}`).join("; ")],
    ["last run", last === undefined ? "none" : `${new Date(last.at).toISOString()}, revision ${last.revision}`],
  ];
  const warning = lines.some(({ isEmbedded }) => isEmbedded)
    ? tag(
        "p",
        { class: "warning" },
        "Numbers of the embedded engine are those of small nodes in TypeScript; they say nothing about Neon's performance.",
      )
    : "";
  const list = rows.flatMap(([name, value]) => [tag("dt", {}, name), tag("dd", {}, escaped(value))]);
  return tag("dl", {}, ...list) + warning;
}
