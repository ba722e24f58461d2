import { benchmarkOn, Latencies, scaled } from "../fixtures";

const ROWS = scaled(400_000);

/** Short reads while another session writes as much as it can. */
benchmarkOn("read latency under writes", { diskMb: ROWS / 1_000, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ rows: ROWS });
  await system.query("create table small (i integer)");
  await system.query("insert into small select generate_series(1, 100)");
  await system.query("create table large (i integer, filler text)");
  const reader = await system.connect({ recorded: false });
  const latencies = new Latencies();
  const writing = { isDone: false };
  const read = async (): Promise<void> => {
    while (!writing.isDone) {
      const begin = performance.now();
      await reader.query("select count(*) from small");
      latencies.add(performance.now() - begin);
    }
  };
  const write = async (): Promise<void> => {
    try {
      for (let part = 0; part < 4; part += 1) {
        await system.query(`insert into large select i, repeat('x', 80) from generate_series(1, ${ROWS / 4}) i`);
      }
    } finally {
      writing.isDone = true;
    }
  };
  await benchmark.recordDuration("write", async () => void (await Promise.all([write(), read()])));
  await reader.close();
  const { mean, p99, most, stddev } = latencies.summary();
  benchmark.record("read latency average", mean, "ms", "lower");
  benchmark.record("read latency stddev", stddev, "ms", "lower");
  benchmark.record("read latency 99%", p99, "ms", "lower");
  benchmark.record("read latency most", most, "ms", "lower");
});
