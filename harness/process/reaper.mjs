// node reaper.mjs <state directory>: waits until its stdin ends, which means that the run is over or that its runner is
// gone, whatever ended it; then ends and removes all that the run left. It has a session of its own, so neither Ctrl-C
// nor the end of the terminal reaches it.
import { rmSync, writeSync } from "node:fs";
import { listProcesses, startTimeOf } from "./process-table.mjs";
import { reap } from "./reaping.mjs";
import { readState, writeState } from "./state-file.mjs";

const state = process.argv[2];
const { runId } = readState(state, "runner.json");
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => undefined);
writeState(state, "reaper.json", { pid: process.pid, startTime: startTimeOf(process.pid) });

/** The runner and those above it: a person's shell may well stand in one of the run's directories. */
function ancestorsOf(pid, table = listProcesses()) {
  const row = table.find((each) => each.pid === pid);
  return row === undefined || row.pid === 1 ? [] : [row.pid, ...ancestorsOf(row.ppid, table)];
}
const protectedPids = ancestorsOf(process.ppid);

function finish() {
  const report = reap(state, { runId, protectedPids });
  if (report.left.length === 0) rmSync(state, { recursive: true, force: true });
  tell(report);
  process.exit(report.left.length === 0 ? 0 : 1);
}

/** A runner that is gone reads no report. */
function tell(report) {
  try {
    writeSync(1, JSON.stringify(report));
  } catch (error) {
    if (error.code !== "EPIPE") throw error;
  }
}

process.stdin.resume();
process.stdin.once("end", finish);
process.stdin.once("error", finish);
