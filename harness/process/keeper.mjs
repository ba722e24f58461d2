// node keeper.mjs <state directory> <milliseconds>: keeps what a failed test left running, until SIGTERM or until the time
// is up; then ends and removes all of it, as a reaper does. It has a session of its own and outlives the run.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTimeOf } from "./process-table.mjs";
import { reap } from "./reaping.mjs";

const [state, ms] = process.argv.slice(2);
const { runId } = JSON.parse(readFileSync(join(state, "runner.json"), "utf8"));
// From now on it is this process that the kept environment lives as long as.
const runner = { pid: process.pid, startTime: startTimeOf(process.pid) };
writeFileSync(join(state, "runner.json"), JSON.stringify({ runId, runner }));
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"]) process.on(signal, () => undefined);

function finish() {
  const { left } = reap(state, { runId, protectedPids: [] });
  if (left.length === 0) rmSync(state, { recursive: true, force: true });
  process.exit(left.length === 0 ? 0 : 1);
}

process.on("SIGTERM", finish);
setTimeout(finish, Number(ms));
