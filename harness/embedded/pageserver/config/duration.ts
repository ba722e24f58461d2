const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  msec: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
};

/** Reads a duration in the humantime notation of Neon's configs (`7days`, `1h 30m`, `100ms`) into milliseconds. */
export function parseDuration(text: string): number {
  let total = 0;
  const rest = text.replace(/(\d+)\s*([a-z]+)\s*/g, (whole, count: string, unit: string) => {
    const factor = UNIT_MS[unit];
    if (factor === undefined) return whole;
    total += Number(count) * factor;
    return "";
  });
  if (rest !== "" || text.trim() === "") throw new Error(`not a duration: ${JSON.stringify(text)}`);
  return total;
}

const PRINTED: readonly [number, (count: number) => string][] = [
  [86_400_000, (count) => (count === 1 ? "1day" : `${count}days`)],
  [3_600_000, (count) => `${count}h`],
  [60_000, (count) => `${count}m`],
  [1000, (count) => `${count}s`],
  [1, (count) => `${count}ms`],
];

/** Milliseconds in humantime's own notation, as Neon prints durations back: `7days`, `1h 30m`, `0s`. */
export function formatDuration(milliseconds: number): string {
  const parts: string[] = [];
  let left = milliseconds;
  for (const [size, print] of PRINTED) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(print(count));
    left -= count * size;
  }
  return parts.length === 0 ? "0s" : parts.join(" ");
}
