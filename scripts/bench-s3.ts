import { parseArgs } from "node:util";
import { cpus, loadavg } from "node:os";
import { beginRun } from "../harness/process";
import { MockS3 } from "../harness/storage/mock-s3/mock-s3";
import { measure, memoryWithOneGibibyte } from "./bench/s3/measure";
import type { Measured } from "./bench/s3/measure";
import { startMoto, startOurs } from "./bench/s3/servers";

/**
 * `npm run bench:s3`: our S3 server beside moto's, both as processes of their own, with the same client, in turn. Prints
 * medians, and exits with 1 when a budget is not kept. MOTO_SERVER names moto's program; without it only ours is measured.
 */
const MEBIBYTE = 1024 * 1024;
const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "3" }, objects: { type: "string", default: "2000" } },
});

interface Row {
  what: string;
  ours: string;
  moto: string;
  budget: string;
  kept: boolean | undefined;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function readyMs(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    const started = performance.now();
    const server = await MockS3.start();
    times.push(performance.now() - started);
    await server.stop();
  }
  return median(times);
}

function rateRows(ours: readonly Measured[], moto: readonly Measured[]): Row[] {
  const of = (all: readonly Measured[], name: keyof Measured): number => median(all.map((each) => each[name]));
  const hasMoto = moto.length > 0;
  const row = (what: string, name: keyof Measured, more: { isTime?: boolean } = {}): Row => {
    const [mine, theirs] = [of(ours, name), of(moto, name)];
    const ratio = more.isTime === true ? theirs / mine : mine / theirs;
    const unit = more.isTime === true ? "ms" : "/s";
    const text = (value: number): string => `${value.toFixed(0)} ${unit}`;
    const compared = hasMoto ? `${text(theirs)} (${ratio.toFixed(1)} ×)` : "not measured";
    return { what, ours: text(mine), moto: compared, budget: "≥ 2 × moto", kept: hasMoto ? ratio >= 2 : undefined };
  };
  const flat = (what: string, early: keyof Measured, late: keyof Measured): Row => {
    const left = of(ours, late) / of(ours, early);
    const theirs = hasMoto ? `${Math.round((100 * of(moto, late)) / of(moto, early))} %` : "not measured";
    return { what, ours: `${Math.round(100 * left)} %`, moto: theirs, budget: "≥ 80 %", kept: left >= 0.8 };
  };
  return [
    row("PUT of 64 KiB, 16 in flight", "putPerSecond"),
    row("GET of 64 KiB, 16 in flight", "getPerSecond"),
    row("PUT, 10,000 keys later", "latePutPerSecond"),
    row("GET, 10,000 keys later", "lateGetPerSecond"),
    flat("PUT rate that is left after 10,000 keys", "putPerSecond", "latePutPerSecond"),
    flat("GET rate that is left after 10,000 keys", "getPerSecond", "lateGetPerSecond"),
    row("list of 10,000 keys, in pages of 1000", "listMs", { isTime: true }),
  ];
}

async function main(): Promise<boolean> {
  const run = await beginRun();
  const load = loadavg()[0] ?? 0;
  const moto = process.env["MOTO_SERVER"];
  const results: Record<"ours" | "moto", Measured[]> = { ours: [], moto: [] };
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const start of [startOurs, ...(moto ? [() => startMoto(moto)] : [])]) {
      await using server = await start();
      results[server.name as "ours" | "moto"].push(await measure(server, Number(options.objects)));
    }
  }
  const rows = rateRows(results.ours, results.moto);
  const ready = await readyMs();
  rows.push({
    what: "ready after first use, in a thread",
    ours: `${ready.toFixed(0)} ms`,
    moto: "",
    budget: "≤ 50 ms",
    kept: ready <= 50,
  });
  await using server = await startOurs();
  const { resident, peak } = await memoryWithOneGibibyte(server);
  const text = `${Math.round(resident / MEBIBYTE)} MiB, at most ${Math.round(peak / MEBIBYTE)}`;
  rows.push({
    what: "resident memory with 1 GiB on disk",
    ours: text,
    moto: "",
    budget: "≤ 150 MB",
    kept: peak <= 150e6,
  });
  printTable(rows);
  const date = new Date().toISOString().slice(0, 10);
  console.log(
    `\nMedians of ${options.rounds} rounds of ${options.objects} objects; ${cpus().length} cores, Node.js ${process.versions.node}, ${date}, load average at the beginning ${load.toFixed(2)}.`,
  );
  await server[Symbol.asyncDispose]();
  await run.finish({ interrupted: false });
  return rows.every(({ kept }) => kept !== false);
}

function printTable(rows: readonly Row[]): void {
  const said = (kept: boolean | undefined): string => (kept === undefined ? "" : kept ? "yes" : "**no**");
  const cells = [
    ["", "ours", "moto", "budget", "kept"],
    ["---", "---", "---", "---", "---"],
    ...rows.map((row) => [row.what, row.ours, row.moto, row.budget, said(row.kept)]),
  ];
  console.log(cells.map((line) => `| ${line.join(" | ")} |`).join("\n"));
}

process.exitCode = (await main()) ? 0 : 1;
