import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { pollUntil, sleep } from "../harness/wait";
import { runsDirectory } from "../harness/process/run-state";
import { isAlive, isLongRun } from "../harness/testing";
import { InlineSuite } from "./testing/inline-suite";

const PHASES = ["setup", "body", "tear-down"] as const;
type Phase = (typeof PHASES)[number];

/** What the test itself does when it has started its node and its daemon, and what is done to the run then. */
const WAYS = {
  "a normal end": { test: "returns", act: [] },
  "a failing test": { test: "throws", act: [] },
  "a throw in beforeAll": { test: "throws before all", act: [] },
  "Ctrl-C": { test: "hangs", act: ["SIGINT runner"] },
  "Ctrl-C twice": { test: "hangs", act: ["SIGINT runner", "pause", "SIGINT runner"] },
  SIGTERM: { test: "hangs", act: ["SIGTERM runner"] },
  SIGHUP: { test: "hangs", act: ["SIGHUP runner"] },
  "SIGKILL of the command": { test: "hangs", act: ["SIGKILL runner"] },
  "SIGKILL of a worker": { test: "hangs", act: ["SIGKILL worker"] },
  "SIGKILL of the reaper, then of the command": { test: "hangs", act: ["SIGKILL reaper", "pause", "SIGKILL runner"] },
} as const;
type Way = keyof typeof WAYS;

/** A node, a daemon in a session of its own whose parent is gone, and a child of that. */
const TEST = `
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { beforeAll } from "vitest";
const daemon = () => spawn("setsid", ["sh", "-c", "sleep 1002 & exec sleep 1003"], { detached: true, stdio: "ignore", cwd: "/" }).unref();
const act = async (phase, broker) => {
  if (phase !== process.env.PHASE) return;
  daemon();
  writeFileSync(process.env.SCRATCH + "/pids", JSON.stringify({ worker: process.pid, broker }));
  if (process.env.ACT === "throws") throw new Error("on purpose");
  if (process.env.ACT === "hangs") await new Promise(() => {});
};
beforeAll(async () => {
  if (process.env.ACT !== "throws before all") return;
  daemon();
  writeFileSync(process.env.SCRATCH + "/pids", JSON.stringify({ worker: process.pid }));
  throw new Error("on purpose");
});
test.extend("prepared", async ({ neonEnvBuilder, resources }) => {
  const env = await neonEnvBuilder.initConfigs();
  await env.broker.start();
  resources.onTearDown(async () => act("tear-down", env.broker.pid));
  await act("setup", env.broker.pid);
  return env;
})("ends somehow", async ({ prepared: env }) => act("body", env.broker.pid));
`;

/** The short form runs beside other tests, on machines of which nothing is known. */
const budgetMs = isLongRun ? 2_000 : 10_000;
const all = PHASES.flatMap((phase) => (Object.keys(WAYS) as Way[]).map((way): [Way, Phase] => [way, phase]));
const short: [Way, Phase][] = [
  ["Ctrl-C twice", "tear-down"],
  ["SIGKILL of a worker", "body"],
  ["SIGKILL of the reaper, then of the command", "body"],
];

test.concurrent.for(isLongRun ? [...all, ...all, ...all] : short)(
  `after %s in %s nothing is left, ${budgetMs / 1000} s later`,
  { timeout: 180_000 },
  async ([way, phase], { expect: check }) => {
    using suite = new InlineSuite({ one: TEST });
    const run = suite.start([], { PHASE: phase, ACT: WAYS[way].test });
    onTestFinished(() => void run.kill("SIGKILL"));
    await pollUntil("the test to start what it starts", () => suite.hasNote("pids"), { budgetMs: 60_000 });
    const { worker, broker } = suite.note("pids") as { worker: number; broker?: number };
    const whoIs = {
      runner: () => run.pid ?? 0,
      worker: () => worker,
      // Asked for only where the run waits for us: another may have ended already.
      reaper: () => reaperOf(run.pid ?? 0),
    };
    for (const step of WAYS[way].act) {
      const [signal, whom] = step.split(" ") as [NodeJS.Signals | "pause", keyof typeof whoIs];
      if (signal === "pause") await sleep(700);
      else sendIfAlive(await whoIs[whom](), signal);
    }
    const { exitCode } = await run;
    const left = () => [
      ...suite.leftovers(),
      ...[worker, broker ?? worker].filter(isAlive),
      ...readdirSync(runsDirectory()).filter((name) => runnerOf(name) === run.pid),
    ];
    await pollUntil("everything to go", ({ observed }) => (observed(left()), left().length === 0), { budgetMs });
    check(exitCode === 0).toBe(false);
  },
);

function sendIfAlive(pid: number, signal: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, signal);
}

const runnerOf = (state: string): number | undefined => readState(state, "runner.json")?.runner?.pid;

function readState(state: string, file: string): { pid?: number; runner?: { pid: number } } | undefined {
  try {
    return JSON.parse(readFileSync(join(runsDirectory(), state, file), "utf8")) as { pid?: number };
  } catch {
    // The run has ended, or is just beginning.
    return undefined;
  }
}

async function reaperOf(runner: number): Promise<number> {
  const probe = () => {
    const state = readdirSync(runsDirectory()).find((name) => runnerOf(name) === runner);
    return state === undefined ? undefined : readState(state, "reaper.json")?.pid;
  };
  return pollUntil("the reaper of the run", probe, { budgetMs: 10_000 });
}
