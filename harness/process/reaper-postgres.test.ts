import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pollUntil } from "../wait";
import { resolveTestUser } from "./identity";
import { listProcesses } from "./process-table.mjs";
import { isAlive, pidsIn, temporaryDirectory } from "./test-tools";

const os = process.platform === "darwin" ? "darwin" : "linux";
const bin = join(import.meta.dirname, `../../node_modules/pg17-${os}-${process.arch}/native/bin`);

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
  const identity = resolveTestUser();
  mkdirSync(data);
  if (identity !== undefined) chownSync(data, identity.uid, identity.gid);
  const user = identity === undefined ? {} : { uid: identity.uid, gid: identity.gid };
  const args = ["-D", data, "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8", "-U", "cloud_admin"];
  const { status, stderr } = spawnSync(join(bin, "initdb"), args, { cwd: data, encoding: "utf8", ...user });
  if (status !== 0) throw new Error(stderr);
}

/** A runner that starts Postgres there, writes the pids of the reaper and of Postgres, and waits to be killed. */
function runPostgres(directory: string, data: string): ChildProcess & Disposable {
  const index = JSON.stringify(new URL("index.ts", import.meta.url).href);
  const program = `
    const { ManagedProcess, resolveTestUser, startReaper } = await import(${index});
    const [directory, data, command] = ${JSON.stringify([directory, data, join(bin, "postgres")])};
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

test.runIf(os === "linux" && existsSync(bin)).for<[string, boolean]>([
  ["runs", false],
  ["was killed before", true],
])("the shared memory of a Postgres that %s goes with the run", async ([, killedBefore]) => {
  await using directory = await temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const data = join(directory.path, "data");
  initdb(data);
  using runner = runPostgres(directory.path, data);
  const ended = once(runner, "exit");
  const ready = () => readFileSync(join(directory.path, "log"), "utf8").includes("ready to accept connections");
  await pollUntil("Postgres is ready", ready, { budgetMs: 20_000, logPath: join(directory.path, "log") });
  const pids = pidsIn(join(directory.path, "pids")) ?? [];
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
