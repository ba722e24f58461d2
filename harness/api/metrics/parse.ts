import { Metrics } from "./metrics";
import type { MetricType, Sample } from "./metrics";

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([-+]?[\d.]\S*|[-+]?Inf|NaN)(?:\s|$)/;
const TYPE = /^#\s*TYPE\s+(\S+)\s+(counter|gauge|histogram|summary|untyped)\s*$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Parses the Prometheus text format; a line that is none of its own is passed over. */
export function parseMetrics(text: string): Metrics {
  const samples: Sample[] = [];
  const types = new Map<string, MetricType>();
  for (const line of text.split("\n")) {
    const type = TYPE.exec(line);
    if (type?.[1] !== undefined) types.set(type[1], type[2] as MetricType);
    if (line === "" || line.startsWith("#")) continue;
    const match = SAMPLE.exec(line);
    if (match === null) continue;
    const [, name = "", labelText = "", value = ""] = match;
    samples.push({ name, labels: labelsOf(labelText), value: numberOf(value) });
  }
  return new Metrics(samples, types);
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, key = "", value = ""] of text.matchAll(LABEL)) {
    labels[key] = value.replace(/\\([\\"n])/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return labels;
}

function numberOf(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}
