export interface PgbenchRun {
  readonly transactions: number;
  readonly tps: number;
  readonly latencyAverageMs: number;
}

/** `done in 0.23 s (drop tables 0.00 s, create tables 0.01 s, …)`: seconds by phase, and `total`. */
export function parseInit(stderr: string): ReadonlyMap<string, number> {
  const [, total, phases = ""] = /^done in ([\d.]+) s(?: \((.*)\))?\.?$/m.exec(stderr) ?? [];
  const each = [...phases.matchAll(/([a-z][a-z\- ]*) ([\d.]+) s/g)].map(([, name = "", seconds]): [string, number] => [
    name,
    Number(seconds),
  ]);
  return new Map([...each, ...(total === undefined ? [] : [["total", Number(total)] as const])]);
}

/** Since version 14 `tps` stands once, without the time to connect; before it was said twice, without it last. */
export function parseRun(stdout: string): PgbenchRun | undefined {
  const tps = [...stdout.matchAll(/^tps = ([\d.]+)/gm)].at(-1)?.[1];
  const latency = /^latency average = ([\d.]+) ms/m.exec(stdout)?.[1];
  const transactions = /^number of transactions actually processed: (\d+)/m.exec(stdout)?.[1];
  if (tps === undefined || latency === undefined || transactions === undefined) return undefined;
  return { tps: Number(tps), latencyAverageMs: Number(latency), transactions: Number(transactions) };
}
