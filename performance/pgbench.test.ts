import { benchmarkOn, howToGet, Pgbench, recordUsage, scaled } from "../fixtures";

const SCALE = scaled(1);
const CLIENTS = 4;
const ROUNDS = 3;
const SECONDS = 2;

/** pgbench's flags, by the names that the original has for them. */
const RUNS = { "simple-update": ["-N"], "select-only": ["-S"] } as const;

benchmarkOn(
  "pgbench",
  { diskMb: 60 * SCALE, memoryMb: 700 },
  async ({ system, benchmark, nodeContext, pgBin, skip }) => {
    const pgbench = await Pgbench.find(nodeContext, pgBin);
    if (pgbench === undefined)
      return skip(`${howToGet("pgbench")}; "pgbench-like load" has our own generator's numbers`);
    benchmark.with({ scale: SCALE, clients: CLIENTS, generator: `pgbench ${pgbench.version}` });
    await benchmark.turn();
    for (const [phase, seconds] of await pgbench.init(system, { scale: SCALE })) {
      benchmark.record(`init: ${phase}`, seconds, "s", "lower");
    }
    await recordUsage(benchmark, system, async () => {
      for (const [name, flags] of Object.entries(RUNS)) {
        await pgbench.run(system, { flags, clients: CLIENTS, seconds: 1 });
        for (let round = 0; round < ROUNDS; round += 1) {
          await benchmark.turn();
          const run = await pgbench.run(system, { flags, clients: CLIENTS, seconds: SECONDS });
          benchmark.record(`${name}: tps`, run.tps, "tps", "higher");
          benchmark.record(`${name}: latency average`, run.latencyAverageMs, "ms", "lower");
        }
      }
    });
    await system.recordSize(benchmark);
  },
);
