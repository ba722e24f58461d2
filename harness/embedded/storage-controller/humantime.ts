import { UsageError } from "../service";

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  day: 86_400_000,
};

/** Milliseconds of a duration such as `10s` or `1m 500ms`. Throws UsageError. */
export function parseHumantime(text: string): number {
  const parts = [...text.matchAll(/(\d+)\s*([a-z]+)\s*/gy)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw new UsageError(`invalid duration '${text}'`);
  }
  return parts.reduce((sum, [, count, unit = ""]) => {
    const factor = UNIT_MS[unit] ?? UNIT_MS[unit.replace(/s$/, "")];
    if (factor === undefined) throw new UsageError(`unknown time unit in '${text}'`);
    return sum + Number(count) * factor;
  }, 0);
}
