import {
  EchoPageService,
  expect,
  getPageHistogram,
  pagesOf,
  randomFrom,
  recordPagebench,
  recordUsage,
} from "../fixtures";
import { runPageLoad, scaled, test } from "../fixtures";

const ROWS = scaled(200_000);
const SECONDS = 2;
const ROUNDS = 3;

/** What the pageserver is asked, by name. */
const LOADS = {
  "one at a time": { clients: 1, load: { depth: 1 } },
  "4 clients, one at a time": { clients: 4, load: { depth: 1 } },
  pipelined: { clients: 1, load: { depth: 64 } },
  "4 clients, pipelined": { clients: 4, load: { depth: 16 } },
} as const;
const FASTEST = LOADS["4 clients, pipelined"];

test(
  "get page [neon]",
  { meta: { benchmarkNeeds: { diskMb: 300, memoryMb: 900 } } },
  async ({ benchmark, neonCompare: system, nodeContext, testOutputDir }) => {
    benchmark.with({ rows: ROWS });
    await system.query(
      `create table accounts as select i, repeat('x', 84) as filler from generate_series(1, ${ROWS}) i`,
    );
    const target = await pagesOf(system, "accounts");
    await using echo = await EchoPageService.start(testOutputDir);
    const random = randomFrom(1);
    const durationMs = SECONDS * 1000;
    await benchmark.recordDuration("first pages of a new LSN", async () =>
      runPageLoad(target, { clients: 1, load: { depth: 1 }, durationMs: 1, warmUpMs: 1, random }),
    );
    const answered: number[] = [];
    const answeredAlone: number[] = [];
    const histogram = await getPageHistogram(system);
    await recordUsage(benchmark, system, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [name, load] of Object.entries(LOADS)) {
          const { perSecond, latency } = await runPageLoad(target, { ...load, durationMs, random });
          benchmark.record(`${name}: throughput`, perSecond, "pages/s", "higher");
          benchmark.record(`${name}: latency average`, latency.mean, "ms", "lower");
          benchmark.record(`${name}: latency 99%`, latency.p99, "ms", "lower");
          if (load === FASTEST) answered.push(perSecond);
        }
        // In turn with the pageserver, so that whatever slows the machine down slows both.
        const alone = await runPageLoad({ ...target, port: echo.port }, { ...FASTEST, durationMs, random });
        answeredAlone.push(alone.perSecond);
        benchmark.record("the generator alone, on an echo", alone.perSecond, "pages/s", "parameter");
      }
      const rate = Math.round(median(answered) / 2 / 4);
      const open = await runPageLoad(target, { clients: 4, load: { perSecond: rate }, durationMs, random });
      benchmark.record("open loop at half of that: latency average", open.latency.mean, "ms", "lower");
      benchmark.record("open loop at half of that: latency 99%", open.latency.p99, "ms", "lower");
      benchmark.record("open loop at half of that: not answered at the end", open.left, "pages", "lower");
    });
    await histogram.recordSince(benchmark);
    const headroom = median(answeredAlone) / median(answered);
    benchmark.record("the generator's headroom", headroom, "×", "parameter");
    await recordPagebench(benchmark, system, nodeContext);
    // Below that it is the generator that was measured.
    expect(headroom).toBeGreaterThan(1.5);
  },
);

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
