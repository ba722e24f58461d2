import { benchmarkOn, recordUsage, scaled, walPosition, walWrittenMb } from "../fixtures";

const TABLES = scaled(10);
const ROUNDS = 6;
const ROWS = 10_000;

/** A little into each of many tables, again and again: the storage below rewrites more than what was written. */
benchmarkOn("write amplification", { diskMb: 30 * TABLES, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ tables: TABLES, rounds: ROUNDS });
  for (let table = 0; table < TABLES; table += 1) await system.query(`create table t${table} (i integer)`);
  const begin = await walPosition(system);
  const written = await system.bytesWritten();
  await recordUsage(benchmark, system, async () => {
    await benchmark.recordDuration("run", async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let table = 0; table < TABLES; table += 1) {
          await system.query(`insert into t${table} select generate_series(1, ${ROWS / ROUNDS})`);
        }
        await system.flush();
      }
    });
    await system.compact();
  });
  const wal = await walWrittenMb(system, begin);
  benchmark.record("wal written", wal, "MB", "lower");
  const after = await system.bytesWritten();
  if (written === undefined || after === undefined) return;
  benchmark.record("pageserver writes per byte of WAL", (after - written) / 1024 / 1024 / wal, "×", "lower");
});
