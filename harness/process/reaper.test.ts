import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pollUntil } from "../wait";
import { runsDirectory } from "./run-state";
import { sweepStaleRuns } from "./start-reaper";
import { isAlive } from "../testing";
import { pidsIn, temporaryDirectory } from "./test-tools";

/** A run of its own: starts a reaper, then what `body` says, with `spawnNode(program)` at hand. */
function startRunner(directory: string, body: string): ChildProcess & Disposable {
  const index = JSON.stringify(new URL("index.ts", import.meta.url).href);
  const program = `
    const { ManagedProcess, resolveTestUser, startReaper, registerDirectory, registerUndo } = await import(${index});
    const { writeFileSync } = await import("node:fs");
    const { spawn } = await import("node:child_process");
    const directory = ${JSON.stringify(directory)};
    const reaper = startReaper({ directories: [directory + "/data"] });
    const spawnNode = (program, more = {}) => ManagedProcess.spawn({ name: "node", command: process.execPath,
      args: ["-e", program], cwd: directory + "/data", logPath: directory + "/node.log", ...more });
    const tell = (...pids) => writeFileSync(directory + "/pids", [reaper.pid, ...pids].join(" ") + "\\n");
    ${body}`;
  mkdirSync(join(directory, "data"), { mode: 0o755 });
  chmodSync(directory, 0o755);
  chmodSync(join(directory, "data"), 0o777);
  const { NEON_TEST_RUN_ID: _id, NEON_TEST_RUN_STATE: _state, ...env } = process.env;
  const args = ["--import", "tsx", "--input-type=module", "-e", program];
  const runner = spawn(process.execPath, args, { env, stdio: ["ignore", "inherit", "inherit"], detached: true });
  return Object.assign(runner, { [Symbol.dispose]: () => void runner.kill("SIGKILL") });
}

const pidsOf = async (directory: string): Promise<number[]> =>
  pollUntil("the runner has started all", () => pidsIn(join(directory, "pids")), { budgetMs: 15_000 });

const allGone = async (pids: readonly number[]): Promise<void> => {
  const probe = ({ observed }: { observed: (value: unknown) => void }) => {
    const alive = pids.filter(isAlive);
    observed(alive);
    return alive.length === 0;
  };
  await pollUntil("all are gone", probe, { budgetMs: 10_000 });
};

const forever = "setInterval(() => undefined, 1000)";

/** A node, its child in another session, and a daemon whose parent is dead: all three have to go. */
const wholeFamily = `
  const daemon = await spawnNode(
    "const c = require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: '/' });" +
    "require('fs').writeFileSync('daemon', c.pid + '\\\\n'); process.exit(0)");
  await daemon.exited;
  const node = await spawnNode(
    "process.on('SIGTERM', () => undefined);" +
    "const c = require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: '/', env: {} });" +
    "require('fs').writeFileSync('child', c.pid + '\\\\n'); ${forever}", { identity: resolveTestUser() });
  const { readFileSync, existsSync } = await import("node:fs");
  const isWritten = (path) => existsSync(path) && readFileSync(path, "utf8").endsWith("\\n");
  while (!isWritten(directory + "/data/child")) await new Promise((r) => setImmediate(r));
  tell(node.pid, readFileSync(directory + "/data/daemon", "utf8").trim(), readFileSync(directory + "/data/child", "utf8").trim());`;

/** By the time that it writes, a second one finds the kernel's own handler. */
const hangsWhenAsked = `process.once("SIGINT", () => writeFileSync(directory + "/asked", "yes"));`;

test.for<[string, string, NodeJS.Signals[]]>([
  ["SIGKILL", "", ["SIGKILL"]],
  ["Ctrl-C twice, whose first is taken for an orderly end that hangs", hangsWhenAsked, ["SIGINT", "SIGINT"]],
])("after %s of the runner nothing is left, not even a daemon of a session of its own", async ([, extra, signals]) => {
  await using directory = await temporaryDirectory();
  using runner = startRunner(directory.path, `${extra} ${wholeFamily} ${forever}`);
  const ended = once(runner, "exit");
  const pids = await pidsOf(directory.path);
  expect(pids.slice(1).map(isAlive)).toEqual([true, true, true]);
  for (const signal of signals) {
    process.kill(-(runner.pid ?? 0), signal);
    const heard = () => existsSync(join(directory.path, "asked")) || !isAlive(runner.pid ?? 0);
    await pollUntil("the runner to have heard it", heard, { budgetMs: 10_000 });
  }
  await ended;
  await allGone(pids);
  expect(existsSync(join(directory.path, "data"))).toBe(false);
});

test("a normal end: the reaper reports what was left, removes it, and is gone", async () => {
  await using directory = await temporaryDirectory();
  using runner = startRunner(
    directory.path,
    `const node = await spawnNode(${JSON.stringify(forever)}); tell(node.pid);
     const report = await reaper.finish();
     writeFileSync(directory + "/report", JSON.stringify({ ...report, id: process.env.NEON_TEST_RUN_ID ?? null }));`,
  );
  expect((await once(runner, "exit"))[0]).toBe(0);
  const [reaper, node] = await pidsOf(directory.path);
  const report = JSON.parse(readFileSync(join(directory.path, "report"), "utf8")) as Record<string, unknown>;
  expect(report).toMatchObject({
    killed: [{ pid: node }],
    left: [],
    removed: [join(directory.path, "data")],
    id: null,
  });
  expect([reaper, node].map((pid) => isAlive(pid ?? 0))).toEqual([false, false]);
  expect(existsSync(join(directory.path, "data"))).toBe(false);
});

test.for(["a normal end", "SIGKILL"] as const)(
  "what stands elsewhere is undone, once, after %s; what can't be is told",
  async (end) => {
    await using directory = await temporaryDirectory();
    const body = `
      const undo = ["-c", "echo undone >> " + directory + "/undone"];
      for (let worker = 0; worker < 2; worker += 1) registerUndo("sh", undo);
      registerUndo("sh", ["-c", "echo not today >&2; exit 3"]);
      tell(process.pid);
      ${end === "a normal end" ? `writeFileSync(directory + "/report", JSON.stringify(await reaper.finish()))` : forever};`;
    using runner = startRunner(directory.path, body);
    const ended = once(runner, "exit");
    const pids = await pidsOf(directory.path);
    if (end === "SIGKILL") runner.kill("SIGKILL");
    await ended;
    await allGone(pids);
    expect(readFileSync(join(directory.path, "undone"), "utf8")).toBe("undone\n");
    if (end === "SIGKILL") return;
    const { failed } = JSON.parse(readFileSync(join(directory.path, "report"), "utf8")) as { failed: string[] };
    expect(failed).toEqual(["sh -c echo not today >&2; exit 3: not today"]);
  },
);

test("a runner that ends without a word, and left nothing, is not held up and leaves no reaper", async () => {
  await using directory = await temporaryDirectory();
  using runner = startRunner(directory.path, "tell(process.pid)");
  expect((await once(runner, "exit"))[0]).toBe(0);
  await allGone(await pidsOf(directory.path));
});

test("a process that overwrote its environment is found by its working directory", async () => {
  await using directory = await temporaryDirectory();
  const body = `const stray = spawn("sleep", ["1000"], { cwd: directory + "/data", env: {}, detached: true, stdio: "ignore" });
    tell(stray.pid); ${forever}`;
  using runner = startRunner(directory.path, body);
  const ended = once(runner, "exit");
  const pids = await pidsOf(directory.path);
  runner.kill("SIGKILL");
  await ended;
  await allGone(pids);
});

test("what does not belong to the run lives on", async () => {
  await using directory = await temporaryDirectory();
  const bystander = spawn("sleep", ["1000"], { cwd: directory.path, detached: true, stdio: "ignore" });
  try {
    using runner = startRunner(directory.path, `tell((await spawnNode(${JSON.stringify(forever)})).pid); ${forever}`);
    const ended = once(runner, "exit");
    const pids = await pidsOf(directory.path);
    runner.kill("SIGKILL");
    await ended;
    await allGone(pids);
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
  } finally {
    bystander.kill("SIGKILL");
  }
});

test("a directory of another run, at a path that this run had, is left alone with who works there", async () => {
  await using directory = await temporaryDirectory();
  const data = join(directory.path, "data");
  using runner = startRunner(directory.path, `tell((await spawnNode(${JSON.stringify(forever)})).pid); ${forever}`);
  const ended = once(runner, "exit");
  const [, ...pids] = await pidsOf(directory.path);
  rmSync(data, { recursive: true });
  mkdirSync(data);
  const another = spawn("sleep", ["1000"], { cwd: data, detached: true, stdio: "ignore" });
  try {
    runner.kill("SIGKILL");
    await ended;
    await allGone(pids);
    await pollUntil(
      "the reaper to be done",
      () => !readdirSync(runsDirectory()).some((name) => name.includes(`-${runner.pid}-`)),
      { budgetMs: 10_000 },
    );
    expect(isAlive(another.pid ?? 0)).toBe(true);
    expect(existsSync(data)).toBe(true);
  } finally {
    another.kill("SIGKILL");
  }
});

test("when runner and reaper are both killed, the next run's sweep clears up", async () => {
  await using directory = await temporaryDirectory();
  const body = `tell((await spawnNode(${JSON.stringify(forever)})).pid); ${forever}`;
  using runner = startRunner(directory.path, body);
  const ended = once(runner, "exit");
  const [reaper = 0, node = 0] = await pidsOf(directory.path);
  process.kill(reaper, "SIGKILL");
  runner.kill("SIGKILL");
  await ended;
  await allGone([reaper]);
  expect(isAlive(node)).toBe(true);
  // Another test's run may be faster, and report what it found.
  await sweepStaleRuns();
  await allGone([node]);
  await pollUntil("its directory to go", () => !existsSync(join(directory.path, "data")), { budgetMs: 10_000 });
});

test("a run that is cut off while it writes its state is no obstacle for the next", async () => {
  const state = join(runsDirectory(), "cut-off-self-test");
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, "runner.json"), `{"runId":"cut-off","runner":{"pid":4190000,"startTime":"1"}}`);
  writeFileSync(join(state, "processes"), `{"pid":4190001,"startTi`);
  await sweepStaleRuns();
  await pollUntil("the state to go", () => !readdirSync(runsDirectory()).includes("cut-off-self-test"), {
    budgetMs: 10_000,
  });
});
