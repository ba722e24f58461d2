import {
  EchoPageService,
  expect,
  getPageHistogram,
  pagesOf,
  randomFrom,
  recordPagebench,
  recordUsage,
  runPageLoad,
  scaled,
  scaledMs,
  test,
} from "../fixtures";
import type { Benchmark, NeonSystem, PageTarget } from "../fixtures";

const ROWS = scaled(200_000);
/** Many short rounds: what slows the machine down for a moment spoils few of them, and a start costs more than all. */
const DURATION_MS = scaledMs(1000);
const ROUNDS = 8;

/** What the pageserver is asked, by name. */
const LOADS = {
  "one at a time": { clients: 1, depth: 1 },
  "one at a time by 4 clients": { clients: 4, depth: 1 },
  pipelined: { clients: 1, depth: 64 },
  "pipelined by 4 clients": { clients: 4, depth: 16 },
} as const;
type Load = (typeof LOADS)[keyof typeof LOADS];

/** A pageserver's machine code and caches are cold at first, a new connection needs only a moment. */
const warmUpOf = (round: number): number => (round === 0 ? 500 : 100);
/** How the generator asks in one round. */
const optionsOf = ({ clients, depth }: Load, round: number) => ({
  ...{ clients, load: { depth }, random: randomFrom(round + 1) },
  ...{ durationMs: DURATION_MS, warmUpMs: warmUpOf(round) },
});
const needs = { meta: { benchmarkNeeds: { diskMb: 300, memoryMb: 900 } } };

/** The table whose pages are asked for, all of it read once. */
async function makePages(system: NeonSystem, benchmark: Benchmark): Promise<PageTarget> {
  await system.query(`create table accounts as select i, repeat('x', 84) as filler from generate_series(1, ${ROWS}) i`);
  const target = await pagesOf(system, "accounts");
  await benchmark.recordDuration("first pages of a new LSN", async () =>
    runPageLoad(target, { clients: 1, load: { depth: 1 }, durationMs: 1, warmUpMs: 1, random: randomFrom(1) }),
  );
  return target;
}

/** Asks as `load` says, several times, and records what came of it; `between` runs after each. Pages per second, each. */
async function measureLoad(
  load: Load,
  { system, benchmark, target }: { system: NeonSystem; benchmark: Benchmark; target: PageTarget },
  between: (round: number) => Promise<void> = async () => {},
): Promise<number[]> {
  benchmark.with({ rows: ROWS, ...load });
  const { pid } = system.env.pageserver;
  const answered: number[] = [];
  const cpu: number[] = [];
  const histogram = await getPageHistogram(system);
  await recordUsage(benchmark, system, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await benchmark.turn();
      const { perSecond, latency, cpuPerPage } = await runPageLoad(target, { ...optionsOf(load, round), pid });
      benchmark.record("throughput", perSecond, "pages/s", "higher");
      benchmark.record("latency average", latency.mean, "ms", "lower");
      benchmark.record("latency 99%", latency.p99, "ms", "lower");
      if (cpuPerPage !== undefined) cpu.push(cpuPerPage);
      answered.push(perSecond);
      await between(round);
    }
  });
  // What else runs on a machine can only add to it, by what it takes from caches.
  if (cpu.length > 0) benchmark.record("pageserver's processor time, least", Math.min(...cpu), "µs/page", "lower");
  await histogram.recordSince(benchmark);
  return answered;
}

/** pagebench asks for pages of all relations, most of which are a catalog's; this is our generator's number beside it. */
async function measureCatalog(
  load: Load,
  { system, benchmark }: { system: NeonSystem; benchmark: Benchmark },
): Promise<void> {
  const target = await pagesOf(system, "pg_proc");
  for (let round = 0; round < ROUNDS; round += 1) {
    await benchmark.turn();
    const { perSecond, latency } = await runPageLoad(target, optionsOf(load, round));
    benchmark.record("pages of pg_proc: throughput", perSecond, "pages/s", "higher");
    benchmark.record("pages of pg_proc: latency average", latency.mean, "ms", "lower");
  }
}

for (const name of ["one at a time", "one at a time by 4 clients", "pipelined"] as const) {
  test(`get page, ${name} [neon]`, needs, async ({ benchmark, neonCompare: system, nodeContext }) => {
    const load = LOADS[name];
    const target = await makePages(system, benchmark);
    await measureLoad(load, { system, benchmark, target });
    if (load.depth === 1 && (await recordPagebench(benchmark, system, nodeContext, load.clients))) {
      await measureCatalog(load, { system, benchmark });
    }
  });
}

/** The fastest load, in turn with the same on a service that does nothing; then an open loop. */
test("get page, pipelined by 4 clients [neon]", needs, async ({ benchmark, neonCompare: system, testOutputDir }) => {
  const load = LOADS["pipelined by 4 clients"];
  const { clients } = load;
  const target = await makePages(system, benchmark);
  await using echo = await EchoPageService.start(testOutputDir);
  const alone: number[] = [];
  const own: number[] = [];
  // In turn with the pageserver, so that whatever slows the machine down slows both.
  const answered = await measureLoad(load, { system, benchmark, target }, async (round) => {
    const { perSecond, cpuPerPage } = await runPageLoad({ ...target, port: echo.port }, optionsOf(load, round));
    if (cpuPerPage !== undefined) own.push(cpuPerPage);
    benchmark.record("the generator alone, on an echo", perSecond, "pages/s", "parameter");
    alone.push(perSecond);
  });
  const headroom = median(alone) / median(answered);
  benchmark.record("the generator's headroom", headroom, "×", "parameter");
  if (own.length > 0) {
    benchmark.record("the generator's processor time, least", Math.min(...own), "µs/page", "parameter");
  }
  await benchmark.turn();
  const perSecond = Math.max(1, Math.round(median(answered) / 2 / clients));
  const open = await runPageLoad(target, {
    ...{ clients, load: { perSecond }, durationMs: DURATION_MS, random: randomFrom(1) },
  });
  benchmark.record("open loop at half of that: latency average", open.latency.mean, "ms", "lower");
  benchmark.record("open loop at half of that: latency 99%", open.latency.p99, "ms", "lower");
  benchmark.record("open loop at half of that: not answered at the end", open.left, "pages", "lower");
  // Below that it is the generator that was measured.
  expect(headroom).toBeGreaterThan(1.5);
});

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
