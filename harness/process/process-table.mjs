// What runs on this machine, read synchronously: /proc on Linux, ps and lsof elsewhere (macOS). Plain JavaScript, for
// the reaper has to start in a few milliseconds without tsx; process-table.d.mts has the types.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { parseCwds, parseEnvironments, parsePs } from "./process-table-parsers.mjs";

const hasProc = process.platform === "linux";

/** What vanished or refuses between two reads has no answer. */
function answer(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readStat(pid) {
  const text = answer(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  if (text === undefined) return undefined;
  // The name stands in parentheses and may itself contain any of them, and spaces.
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  return {
    pid: Number(pid),
    name: text.slice(text.indexOf("(") + 1, close),
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    hasTerminal: fields[4] !== "0",
    startTime: fields[19],
    alive: fields[0] !== "Z" && fields[0] !== "X",
  };
}

const psTable = () => parsePs(answer(() => run("ps", ["-axwwo", "pid=,ppid=,pgid=,stat=,tty=,lstart=,comm="])) ?? "");

const run = (command, args) =>
  execFileSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, stdio: ["ignore", "pipe", "ignore"] });

export function listProcesses() {
  if (!hasProc) return psTable();
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(readStat).filter((row) => row !== undefined);
}

/** Identifies a process together with its pid, for pids are used again. */
export function startTimeOf(pid) {
  const row = hasProc ? readStat(pid) : listProcesses().find((each) => each.pid === pid);
  return row?.alive ? row.startTime : undefined;
}

/** pid → environment as KEY=VALUE, each ended by NUL, as far as we may read it. */
export function environments(pids) {
  if (!hasProc) return parseEnvironments(answer(() => run("ps", ["-axwwEo", "pid=,command="])) ?? "");
  const found = [...pids].map((pid) => [pid, answer(() => readFileSync(`/proc/${pid}/environ`, "latin1"))]);
  return new Map(found.filter(([, text]) => text !== undefined));
}

/** pid → working directory, as far as we may know it. */
export function workingDirectories(pids) {
  if (!hasProc)
    return parseCwds(
      answer(() => run("lsof", ["-w", "-n", "-P", "-a", "-d", "cwd", "-p", [...pids].join(","), "-Fpn"])) ?? "",
    );
  const found = new Map();
  for (const pid of pids) {
    const path = answer(() => readlinkSync(`/proc/${pid}/cwd`));
    if (path !== undefined) found.set(pid, path.replace(/ \(deleted\)$/, ""));
  }
  return found;
}

export function commandOf(pid) {
  if (!hasProc) return answer(() => run("ps", ["-wwo", "command=", "-p", String(pid)]))?.trim() ?? "";
  return (
    answer(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
      ?.replaceAll("\0", " ")
      .trim() ?? ""
  );
}

/** `roots` and all that descends from them, rows of one table. */
export function withDescendants(table, roots) {
  const found = new Set(roots);
  const children = groupByParent(table);
  for (const row of found) for (const child of children.get(row.pid) ?? []) found.add(child);
  return [...found];
}

function groupByParent(table) {
  const groups = new Map();
  for (const row of table) {
    const siblings = groups.get(row.ppid);
    if (siblings === undefined) groups.set(row.ppid, [row]);
    else siblings.push(row);
  }
  return groups;
}

/** The process that was started as `pid` at `startTime`, with its session and descendants, also when it is dead itself. */
export function familyOf(table, { pid, startTime }) {
  const leader = table.find((row) => row.pid === pid);
  if (leader !== undefined && leader.startTime !== startTime) return [];
  const session = table.filter((row) => row.session === pid);
  return withDescendants(table, leader === undefined ? session : [leader, ...session]);
}

/** Is `NAME=value` among the variables of an environment? */
export const hasVariable = (environment, variable) => `\0${environment ?? ""}\0`.includes(`\0${variable}\0`);
