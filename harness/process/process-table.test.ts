import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseCwds, parseEnvironments, parsePs } from "./process-table-parsers.mjs";
import {
  commandOf,
  environments,
  hasVariable,
  listProcesses,
  startTimeOf,
  workingDirectories,
} from "./process-table.mjs";

test("we find ourselves", () => {
  const us = listProcesses().find((row) => row.pid === process.pid);
  expect(us).toMatchObject({ ppid: process.ppid, alive: true });
  expect(us?.startTime).toBe(startTimeOf(process.pid));
  expect(workingDirectories([process.pid]).get(process.pid)).toBe(process.cwd());
  expect(commandOf(process.pid)).toContain("node");
});

test.runIf(process.platform === "linux")("a variable is found whole or not at all", () => {
  const text = environments([process.pid]).get(process.pid);
  const path = process.env["PATH"] ?? "";
  expect(hasVariable(text, `PATH=${path}`)).toBe(true);
  expect(hasVariable(text, `PATH=${path.slice(0, -1)}`)).toBe(false);
  expect(hasVariable("A=1\0B=2", "B=2")).toBe(true);
  expect(hasVariable("A=1\0BB=2", "B=2")).toBe(false);
});

test("the rows that ps gives on this machine are understood", () => {
  const text = execFileSync("ps", ["-axwwo", "pid=,ppid=,pgid=,stat=,tty=,lstart=,comm="], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  const us = parsePs(text).find((row) => row.pid === process.pid);
  expect(us).toMatchObject({ ppid: process.ppid, alive: true });
  expect(us?.startTime).toMatch(/^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/);
});

test("a zombie is dead, and a path is not a name", () => {
  const rows = parsePs(
    "  12     1    12 Z    ??       Sat Nov 22 12:50:07 2026 (node)\n 13 12 12 Ss ttys001 Sat Nov  1 02:50:07 2026 /opt/my pg/bin/postgres\n",
  );
  expect(rows).toMatchObject([
    { pid: 12, alive: false, hasTerminal: false },
    { pid: 13, ppid: 12, session: 12, alive: true, hasTerminal: true, name: "postgres" },
  ]);
});

test("lsof's and ps' other texts", () => {
  expect([...parseCwds("p12\nfcwd\nn/data/pg 1\np13\nfcwd\nn/\n")]).toEqual([
    [12, "/data/pg 1"],
    [13, "/"],
  ]);
  const found = parseEnvironments("  12 sleep 100 A=1 NEON_TEST_RUN_ID=x/y HOME=/\n 13 (kernel)\n");
  expect(hasVariable(found.get(12), "NEON_TEST_RUN_ID=x/y")).toBe(true);
  expect(hasVariable(found.get(13), "NEON_TEST_RUN_ID=x/y")).toBe(false);
});
