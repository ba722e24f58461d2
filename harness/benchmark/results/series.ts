import { seriesKey } from "./line";
import type { BenchmarkLine } from "./line";

/** The values of one metric, in the order of their times. */
export interface Series {
  readonly key: string;
  /** One of its lines: what they have in common. */
  readonly of: BenchmarkLine;
  readonly lines: readonly BenchmarkLine[];
  readonly values: readonly number[];
}

/** Lines by series, in the order in which they came first. */
export function toSeries(
  lines: readonly BenchmarkLine[],
  keyOf: (line: BenchmarkLine) => string = seriesKey,
): Series[] {
  const groups = new Map<string, BenchmarkLine[]>();
  for (const line of lines) {
    const key = keyOf(line);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [line]);
    else group.push(line);
  }
  return [...groups].flatMap(([key, group]) => {
    const [of] = group;
    return of === undefined ? [] : [{ key, of, lines: group, values: group.map(({ value }) => value) }];
  });
}
