import { benchmarkNeon, pagesOf, processUsage, scaled, SlowReader } from "../fixtures";

const CLIENTS = scaled(8);

/** What a pageserver holds for each client that asks for pages and never reads. */
benchmarkNeon("slow readers", { diskMb: 200, memoryMb: 900 }, async ({ system, benchmark }) => {
  benchmark.with({ clients: CLIENTS });
  const { pageserver } = system.env;
  await system.query("create table t as select i, repeat('x', 80) as filler from generate_series(1, 20000) i");
  const { rel, tenantId, timelineId, host, port } = await pagesOf(system, "t");
  const resident = (): number => processUsage(pageserver.pid ?? 0)?.residentMb ?? 0;
  const readers: SlowReader[] = [];
  const open = async (): Promise<SlowReader> => {
    const reader = await SlowReader.open({
      host,
      port,
      tenantId,
      timelineId,
      kind: "getpage",
      rel,
      stalledForMs: 1000,
    });
    readers.push(reader);
    return reader;
  };
  try {
    // The first one pays for what a pageserver makes once.
    await (await open()).fillPipe({ budgetMs: 60_000 });
    const before = resident();
    for (let client = 0; client < CLIENTS; client += 1) {
      const { bytesSent } = await (await open()).fillPipe({ budgetMs: 60_000 });
      benchmark.record("requests taken until the pipe was full", bytesSent / 1024, "KiB", "lower");
    }
    benchmark.record("resident memory per stuck client", (resident() - before) / CLIENTS, "MB", "lower");
    benchmark.record("resident memory with all of them", resident(), "MB", "lower");
  } finally {
    for (const reader of readers) reader.close();
  }
});
