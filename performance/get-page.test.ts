import { EchoPageService, expect, pagesOf, randomFrom, recordUsage, runPageLoad, scaled, test } from "../fixtures";

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

test("get page", async ({ benchmark, neonCompare: system, testOutputDir }) => {
  benchmark.with({ rows: ROWS });
  await system.query(`create table accounts as select i, repeat('x', 84) as filler from generate_series(1, ${ROWS}) i`);
  const target = await pagesOf(system, "accounts");
  await using echo = await EchoPageService.start(testOutputDir);
  const random = randomFrom(1);
  let fastest = 0;
  await benchmark.recordDuration("first pages of a new LSN", async () =>
    runPageLoad(target, { clients: 1, load: { depth: 1 }, durationMs: 1, warmUpMs: 1, random }),
  );
  await recordUsage(benchmark, system, async () => {
    for (const [name, load] of Object.entries(LOADS)) {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { perSecond, latency } = await runPageLoad(target, { ...load, durationMs: SECONDS * 1000, random });
        fastest = Math.max(fastest, perSecond);
        benchmark.record(`${name}: throughput`, perSecond, "pages/s", "higher");
        benchmark.record(`${name}: latency average`, latency.mean, "ms", "lower");
        benchmark.record(`${name}: latency 99%`, latency.p99, "ms", "lower");
      }
    }
    const rate = Math.round(fastest / 2 / 4);
    const open = { clients: 4, load: { perSecond: rate }, durationMs: SECONDS * 1000, random };
    const { latency, left } = await runPageLoad(target, open);
    benchmark.record("open loop at half of that: latency average", latency.mean, "ms", "lower");
    benchmark.record("open loop at half of that: latency 99%", latency.p99, "ms", "lower");
    benchmark.record("open loop at half of that: not answered at the end", left, "pages", "lower");
  });
  const alone = await runPageLoad(
    { ...target, port: echo.port },
    { ...LOADS["4 clients, pipelined"], durationMs: 2000, random },
  );
  benchmark.record("the generator alone, on an echo", alone.perSecond, "pages/s", "parameter");
  benchmark.record("the generator's headroom", alone.perSecond / fastest, "×", "parameter");
  expect(alone.perSecond / fastest).toBeGreaterThan(1);
});
