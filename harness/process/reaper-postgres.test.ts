import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { distribution, giveToNodes, identity, makeTestDirectory } from "../testing";
import { pollUntil } from "../wait";
import { listProcesses } from "./process-table.mjs";
import { isAlive } from "../testing";
import { pidsIn } from "./test-tools";

const programs = distribution(17);

/** The SysV segment ids of a Postgres whose data directory this is, from line 7 of its postmaster.pid. */
const segmentOf = (data: string): string =>
  readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[6]?.trim().split(/\s+/)[1] ?? "";

const segmentExists = (id: string): boolean =>
  readFileSync("/proc/sysvipc/shm", "utf8")
    .split("\n")
    .some((line) => line.trim().split(/\s+/)[1] === id);

/** Also those that only children of the server have, such as the autovacuum launcher's. */
function posixSegments(server: number): string[] {
  const pids = listProcesses().filter((row) => row.pid === server || row.ppid === server);
  const maps = pids.map((row) => readFileSync(`/proc/${row.pid}/maps`, "utf8")).join("\n");
  return [...new Set(maps.match(/\/dev\/shm\/PostgreSQL\.\d+/g))];
}

const atLeast = <T>(count: number, list: T[]): T[] | undefined => (list.length >= count ? list : undefined);

function initdb(data: string): void {
  mkdirSync(data);
  giveToNodes(data);
  const args = ["-D", data, "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8", "-U", "cloud_admin"];
  const { status, stderr } = spawnSync(programs.initdb, args, { cwd: data, encoding: "utf8", ...identity });
  if (status !== 0) throw new Error(stderr);
}

/** A runner that starts Postgres there, writes the pids of the reaper and of Postgres, and waits to be killed. */
function runPostgres(directory: string, data: string): ChildProcess & Disposable {
  const index = JSON.stringify(new URL("index.ts", import.meta.url).href);
  const program = `
    const { ManagedProcess, resolveTestUser, startReaper } = await import(${index});
    const [directory, data, command] = ${JSON.stringify([directory, data, programs.postgres])};
    const reaper = startReaper({ directories: [data] });
    const args = ["-D", data, "-k", data, "-c", "listen_addresses="];
    const node = await ManagedProcess.spawn({ name: "postgres", command, args, cwd: data, logPath: directory + "/log", identity: resolveTestUser() });
    (await import("node:fs")).writeFileSync(directory + "/pids", reaper.pid + " " + node.pid + "\\n");
    process.on("SIGUSR2", () => node.kill("SIGKILL"));
    setInterval(() => undefined, 1000);`;
  const runner = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: "inherit",
  });
  return Object.assign(runner, { [Symbol.dispose]: () => void runner.kill("SIGKILL") });
}

test.runIf(process.platform === "linux").for<[string, boolean]>([
  ["runs", false],
  ["was killed before", true],
])("the shared memory of a Postgres that %s goes with the run", async ([, killedBefore]) => {
  const directory = makeTestDirectory("reaper-postgres");
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const data = join(directory, "data");
  initdb(data);
  using runner = runPostgres(directory, data);
  const ended = once(runner, "exit");
  const pids = await pollUntil("Postgres is started", () => pidsIn(join(directory, "pids")), { budgetMs: 20_000 });
  const ready = () => readFileSync(join(directory, "log"), "utf8").includes("ready to accept connections");
  await pollUntil("Postgres is ready", ready, { budgetMs: 20_000, logPath: join(directory, "log") });
  const files = await pollUntil("two segments are mapped", () => atLeast(2, posixSegments(pids[1] ?? 0)), {
    budgetMs: 10_000,
  });
  const segment = segmentOf(data);
  expect(segmentExists(segment)).toBe(true);
  if (killedBefore) {
    runner.kill("SIGUSR2");
    await pollUntil("Postgres is dead", () => !isAlive(pids[1] ?? 0), { budgetMs: 10_000 });
  }
  runner.kill("SIGKILL");
  await ended;
  await pollUntil("all are gone", () => !pids.some(isAlive), { budgetMs: 10_000 });
  expect(segmentExists(segment)).toBe(false);
  expect(existsSync(data)).toBe(false);
  expect(files.filter((file) => existsSync(file))).toEqual([]);
});
