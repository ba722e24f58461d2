import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTestDirectory } from "../../testing";
import { Benchmark } from "../measure/benchmark";
import { line } from "../testing/lines";
import { formatNumber } from "./format";
import { appendLines, readResults } from "./result-file";
import { toSeries } from "./series";
import { summarize } from "./summary";

test("a run that was cut off in the middle of a line leaves valid results", () => {
  const directory = makeTestDirectory("neon-results");
  const file = join(directory, "run.jsonl");
  appendLines(file, [line({ value: 1 }), line({ value: 2 })]);
  appendFileSync(file, JSON.stringify(line({ value: 3 })).slice(0, 40));
  expect(readResults(directory).map(({ value }) => value)).toEqual([1, 2]);
});

test("what is no result file is refused, with the line that isn't", () => {
  const directory = makeTestDirectory("neon-results");
  const file = join(directory, "other.jsonl");
  writeFileSync(file, "no json\n");
  expect(() => readResults(file)).toThrow(
    /BAD_ARGUMENT: .*other\.jsonl has no results.*\n.*\n {2}found: line 1 is no JSON/,
  );
  writeFileSync(file, '{"version": 7}\n');
  expect(() => readResults(file)).toThrow(/line 1 has another form/);
  expect(() => readResults(join(directory, "nowhere"))).toThrow(/no such file or folder/);
  expect(() => readResults(makeTestDirectory("neon-results"))).toThrow(/a folder without \*\.jsonl/);
});

test("values of other parameters, systems or scales are other series", () => {
  const lines = [line(), line({ parameters: { rows: 20 } }), line({ system: "vanilla" }), line({ scale: 2 }), line()];
  expect(toSeries(lines).map(({ values }) => values.length)).toEqual([2, 1, 1, 1]);
});

test("a median and what the values stray from it", () => {
  expect(summarize([4, 1, 100, 3, 2])).toEqual({ count: 5, median: 3, least: 1, most: 100, spread: 1 / 3 });
  expect([0, 12, 0.00123, 12.345, 123.4, 12345.6].map(formatNumber)).toEqual([
    "0",
    "12",
    "0.00123",
    "12.3",
    "123",
    "12,346",
  ]);
});

test("a benchmark writes every value at once, without those of the warm-up", async () => {
  const file = join(makeTestDirectory("neon-results"), "run.jsonl");
  const seen: number[] = [];
  const benchmark = new Benchmark({ file, name: "b", context: () => line(), onLine: ({ value }) => seen.push(value) });
  const rounds: number[] = [];
  benchmark.describeSystem({ engine: "stock PostgreSQL 17.1", versions: { postgres: "17.1" } });
  benchmark.with({ rows: 7 });
  await benchmark.measure("work", async (round) => void rounds.push(round), { warmUps: 2, repetitions: 3 });
  benchmark.record("cpu", 1, "s", "lower", "pageserver-1");
  expect(rounds).toEqual([0, 1, 2, 3, 4]);
  const lines = readResults(file);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatchObject({
    benchmark: "b",
    name: "work",
    parameters: { rows: 7 },
    engine: "stock PostgreSQL 17.1",
  });
  expect(lines[3]).toMatchObject({ name: "cpu", node: "pageserver-1", versions: { postgres: "17.1" } });
  expect(seen).toHaveLength(4);
});

test("measuring costs less than a hundredth of what is measured", async () => {
  const file = join(makeTestDirectory("neon-results"), "run.jsonl");
  const benchmark = new Benchmark({ file, name: "b", context: () => line(), onLine: () => undefined });
  benchmark.record("the first line asks what everything is", 1, "s", "lower");
  // In processor time, for the tests beside take cores away for long.
  const cpuMs = (since?: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1000;
  };
  let inside = 0;
  const work = async (): Promise<void> => {
    const begin = process.cpuUsage();
    while (cpuMs(begin) < 20) Math.sqrt(inside);
    inside += cpuMs(begin);
    await Promise.resolve();
  };
  const begin = process.cpuUsage();
  await benchmark.measure("work", work, { warmUps: 1, repetitions: 20 });
  const overhead = (cpuMs(begin) - inside) / inside;
  expect(overhead).toBeLessThan(0.01);
  expect(readResults(file)).toHaveLength(21);
});
