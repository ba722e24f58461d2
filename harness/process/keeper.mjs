// node keeper.mjs <state directory> <milliseconds>: keeps what a failed test left running, until SIGTERM or until the time
// is up; then ends and removes all of it, as a reaper does. It has a session of its own and outlives the run.
import { rmSync } from "node:fs";
import { startTimeOf } from "./process-table.mjs";
import { reap } from "./reaping.mjs";
import { readState, writeState } from "./state-file.mjs";

const [state, ms] = process.argv.slice(2);
const { runId } = readState(state, "runner.json");
// From now on it is this process that the kept environment lives as long as.
const runner = { pid: process.pid, startTime: startTimeOf(process.pid) };
writeState(state, "runner.json", { runId, runner });
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"]) process.on(signal, () => undefined);

function finish() {
  const { left } = reap(state, { runId, protectedPids: [] });
  if (left.length === 0) rmSync(state, { recursive: true, force: true });
  process.exit(left.length === 0 ? 0 : 1);
}

process.on("SIGTERM", finish);
setTimeout(finish, Number(ms));
