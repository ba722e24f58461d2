import { benchmarkOn, initTables, randomFrom, recordUsage, runTransactions, scaled, SCRIPTS } from "../fixtures";

const SCALE = scaled(1);
const CLIENTS = 4;
const ROUNDS = 3;
const SECONDS = 2;

benchmarkOn("pgbench-like load", { diskMb: 60 * SCALE, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ scale: SCALE, clients: CLIENTS, generator: "own, a message per transaction" });
  await benchmark.recordDuration("init", () =>
    initTables(system, SCALE, (name, work) => benchmark.recordDuration(`init: ${name}`, work)),
  );
  await recordUsage(benchmark, system, async () => {
    for (const script of SCRIPTS) {
      const random = randomFrom(1);
      const options = { script, clients: CLIENTS, durationMs: SECONDS * 1000, scale: SCALE, random };
      await runTransactions(system, { ...options, durationMs: 500 });
      for (let round = 0; round < ROUNDS; round += 1) {
        await benchmark.turn();
        const { tps, latency } = await runTransactions(system, options);
        benchmark.record(`${script}: tps`, tps, "tps", "higher");
        benchmark.record(`${script}: latency average`, latency.mean, "ms", "lower");
        benchmark.record(`${script}: latency stddev`, latency.stddev, "ms", "lower");
        benchmark.record(`${script}: latency 99%`, latency.p99, "ms", "lower");
      }
    }
  });
  await system.recordSize(benchmark);
});
