import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { groupLimits } from "./control-groups";
import { thisMachine, workersFor } from "./workers";

const GIGABYTE = 1024 ** 3;
const embedded = { memory: 0.5 * GIGABYTE, tasks: 80 };
const heavy = { memory: 3 * GIGABYTE, tasks: 400 };

test.for([
  ["as many as cores", { cores: 2, memory: 16 * GIGABYTE, tasks: Infinity }, embedded, 2],
  ["a part of a core is no core", { cores: 2.5, memory: 16 * GIGABYTE, tasks: Infinity }, embedded, 2],
  ["what fits into memory", { cores: 16, memory: 4 * GIGABYTE, tasks: Infinity }, embedded, 5],
  ["fewer, where an environment is heavier", { cores: 16, memory: 4 * GIGABYTE, tasks: Infinity }, heavy, 1],
  ["what may be started", { cores: 16, memory: 64 * GIGABYTE, tasks: 512 }, embedded, 4],
  ["one in any case", { cores: 0.5, memory: 0.2 * GIGABYTE, tasks: 10 }, embedded, 1],
] as const)("-n auto: %s", ([, machine, environment, expected]) => {
  expect(workersFor(machine, environment)).toBe(expected);
});

test("this machine can be asked", () => {
  const { cores, memory, tasks } = thisMachine();
  expect([cores > 0, memory > 0, tasks > 0]).toEqual([true, true, true]);
});

/** A machine's /proc and /sys, as far as control groups go. */
function fakeMachine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "neon-control-groups-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}

test.for([
  [
    "version 2, limited by the group around it",
    {
      "proc/self/cgroup": "0::/user/shell",
      "sys/fs/cgroup/user/cpu.max": "150000 100000",
      "sys/fs/cgroup/user/shell/cpu.max": "max 100000",
      "sys/fs/cgroup/user/shell/pids.max": "512",
      "sys/fs/cgroup/user/shell/pids.current": "12",
    },
    { cores: 1.5, tasks: 500 },
  ],
  [
    "version 1, in a container that sees its own group at the top",
    {
      "proc/self/cgroup": "5:pids:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/pids/pids.max": "100",
      "sys/fs/cgroup/pids/pids.current": "40",
    },
    { cores: 2, tasks: 60 },
  ],
  [
    "no limit",
    {
      "proc/self/cgroup": "0::/a",
      "sys/fs/cgroup/a/cpu.max": "max 100000",
      "sys/fs/cgroup/a/pids.max": "max",
      "sys/fs/cgroup/a/pids.current": "40",
      "sys/fs/cgroup/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu.cfs_period_us": "100000",
    },
    { cores: Infinity, tasks: Infinity },
  ],
  ["a system without them", {}, { cores: Infinity, tasks: Infinity }],
] as const)("control groups: %s", ([, files, expected]) => {
  expect(groupLimits(fakeMachine(files))).toEqual(expected);
});
