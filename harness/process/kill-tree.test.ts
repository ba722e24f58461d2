import { join } from "node:path";
import { expect, test } from "vitest";
import { pollUntil } from "../wait";
import { killTree } from "./kill-tree";
import { isAlive } from "../testing";
import { nodeProgram, pidsIn, temporaryDirectory } from "./test-tools";

/** Starts a child that starts a child in a session of its own, and writes all three pids. */
const threeGenerations = (file: string, end: string): string => `
  const { spawn } = require("child_process");
  const grandchild = 'const c = require("child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });'
    + 'require("fs").writeFileSync(${JSON.stringify(file)}, [process.ppid, process.pid, c.pid].join(" ") + "\\\\n");'
    + 'setInterval(() => undefined, 1000)';
  spawn(process.execPath, ["-e", grandchild], { detached: true, stdio: "ignore" });
  ${end}`;

test("children of children die too, also those with a session of their own", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "pids");
  await using root = await nodeProgram(directory.path, threeGenerations(file, "setInterval(() => undefined, 1000)"));
  const pids = await pollUntil("three pids", () => pidsIn(file), { process: root, budgetMs: 5000 });
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  await killTree(root.pid);
  expect(pids.map(isAlive)).toEqual([false, false, false]);
});

test("daemons whose parent is dead are found by the marker of the process that they come from", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "pids");
  const waitThenLeave = `
    const { existsSync, readFileSync } = require("fs");
    const isWritten = () => existsSync(${JSON.stringify(file)}) && readFileSync(${JSON.stringify(file)}, "utf8").endsWith("\\n");
    setInterval(() => isWritten() && process.exit(0), 5);`;
  await using root = await nodeProgram(directory.path, threeGenerations(file, waitThenLeave));
  await root.exited;
  const daemons = pidsIn(file)?.slice(1) ?? [];
  expect(daemons.map(isAlive)).toEqual([true, true]);
  await root.killFamily();
  expect(daemons.map(isAlive)).toEqual([false, false]);
});

test("a pid that nobody has is nothing to kill", async () => {
  await expect(killTree(4_190_000)).resolves.toBeUndefined();
});
