import { benchmarkOn, recordFlush, recordUsage, scaled } from "../fixtures";

const ROWS = scaled(300_000);
const PIECE = 5_000;

/** Lines of COPY's text format, some hundred KB at a time. */
function* rows(from = 0, to = ROWS): Generator<string> {
  for (let first = from; first < to; first += PIECE) {
    const count = Math.min(PIECE, to - first);
    yield Array.from({ length: count }, (_, index) => `${first + index}\t${"x".repeat(80)}\n`).join("");
  }
}

benchmarkOn("copy", { diskMb: ROWS / 1_000, memoryMb: 700 }, async ({ system, benchmark }) => {
  benchmark.with({ rows: ROWS });
  const session = await system.connect();
  await session.query("create table copied (i int, filler text)");
  const copyIn = (): Promise<void> => session.copyIn("copy copied from stdin", rows());
  await recordUsage(benchmark, system, async () => {
    await benchmark.recordDuration("copy in, table grows", async () => {
      await copyIn();
      await system.flush();
    });
    await benchmark.recordDuration("delete", async () => void (await session.query("delete from copied")));
    await benchmark.recordDuration("vacuum", async () => void (await session.query("vacuum copied")));
    await benchmark.measure("copy in, space is used again", copyIn, {
      before: async () => {
        await session.query("delete from copied");
        await session.query("vacuum copied");
      },
      repetitions: 3,
    });
    await benchmark.measure("copy out", async () => void (await session.copyOut("copy copied to stdout")));
  });
  await session.close();
  await system.recordSize(benchmark);
});

benchmarkOn("parallel copy", { diskMb: ROWS / 1_000, memoryMb: 700 }, async ({ system, benchmark }) => {
  const clients = 4;
  benchmark.with({ rows: ROWS, clients });
  const sessions = await Promise.all(Array.from({ length: clients }, async () => system.connect()));
  await system.query("create table copied (i int, filler text)");
  const share = Math.ceil(ROWS / clients);
  const load = async (): Promise<void> => {
    await Promise.all(
      sessions.map(async (session, index) =>
        session.copyIn("copy copied from stdin", rows(index * share, Math.min(ROWS, (index + 1) * share))),
      ),
    );
  };
  await benchmark.measure("load", load, {
    before: async () => void (await system.query("truncate copied")),
    repetitions: 3,
  });
  await recordFlush(benchmark, system);
  await Promise.all(sessions.map((session) => session.close()));
});
