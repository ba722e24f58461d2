// What the reaper does when a run has ended: everything that the run started dies, and what it left is removed.
import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, sep } from "node:path";
import { directoryIdentity } from "./directory-identity.mjs";
import {
  commandOf,
  environments,
  familyOf,
  hasVariable,
  listProcesses,
  withDescendants,
  workingDirectories,
} from "./process-table.mjs";

const BUDGET_MS = 10_000;
const BETWEEN_ROUNDS_MS = 4;
const DATA_DIRECTORY_DEPTH = 6;
const UNDO_BUDGET_MS = 30_000;

/** The entries of one of the run's files; a line that was cut off by a crash is no entry. */
export function readEntries(state, file) {
  return readOr(join(state, file), "")
    .split("\n")
    .flatMap((line) => {
      try {
        return line === "" ? [] : [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

/** Ends and removes all that belongs to the run; returns what there was to do, and what would not go. */
export function reap(state, { runId, protectedPids }) {
  const run = {
    runId,
    protectedPids: new Set([process.pid, ...protectedPids]),
    processes: readEntries(state, "processes"),
    directories: [...lastEntries(state).values()].filter(
      (entry) => !isSpared(entry.path, readEntries(state, "spared")) && !isAnother(entry),
    ),
    spared: readEntries(state, "spared"),
    sharedMemory: readEntries(state, "shared-memory").map((entry) => entry.file),
  };
  const shared = sharedMemoryOf(run);
  const { killed, left } = killAll(run, shared);
  removeSharedMemory(shared);
  const removed = run.directories.filter((entry) => entry.remove && removeTree(entry.path)).map((entry) => entry.path);
  // A kept environment needs what it would undo; then it is the keeper's.
  const isKept = run.spared.some((entry) => entry.undo === true);
  const failed = isKept ? [] : undo(readEntries(state, "undo"));
  return { killed, left, removed, failed };
}

/** Runs each once, though several workers may have registered it; returns what went wrong. */
function undo(entries) {
  const unique = new Map(entries.map((entry) => [JSON.stringify(entry), entry]));
  return [...unique.values()].flatMap(({ command, args }) => {
    const options = { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"], timeout: UNDO_BUDGET_MS };
    const { status, error, stderr } = spawnSync(command, args, options);
    return status === 0 ? [] : [`${[command, ...args].join(" ")}: ${error?.message ?? stderr.trim()}`];
  });
}

function lastEntries(state) {
  return new Map(readEntries(state, "directories").map((entry) => [entry.path, entry]));
}

/** Whether another run's directory stands where this run's did. */
function isAnother({ path, identity }) {
  const now = directoryIdentity(path);
  return identity !== undefined && now !== undefined && now !== identity;
}

function killAll(run, shared) {
  const killed = new Map();
  const started = performance.now();
  for (;;) {
    const members = membersOf(run);
    const left = members.filter((row) => row.alive);
    if (left.length === 0 || performance.now() - started > BUDGET_MS)
      return { killed: [...killed.values()], left: left.map(factsOf) };
    for (const row of left) {
      // One without a command line has let go of its memory: it was ending by itself (a worker of vitest's, say).
      if (!killed.has(row.pid) && commandOf(row.pid) !== "") killed.set(row.pid, factsOf(row));
      noteSharedMemory(row.pid, shared);
    }
    for (const row of left) kill(row.pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BETWEEN_ROUNDS_MS);
  }
}

const factsOf = (row) => ({ pid: row.pid, command: commandOf(row.pid) || row.name });

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH" && error.code !== "EPERM") throw error;
  }
}

/** By the run's registry, by the marker in the environment, by the working directory; and all that descends from those. */
function membersOf({ runId, processes, directories, protectedPids, spared }) {
  const table = listProcesses();
  // What a failed test keeps running has a keeper of its own.
  const kept = new Set(spared.flatMap((entry) => (entry.pid === undefined ? [] : familyOf(table, entry))));
  const registered = processes.flatMap((entry) => familyOf(table, entry));
  const others = table.filter((row) => !protectedPids.has(row.pid) && row.pid !== 1);
  const known = environments(others.map((row) => row.pid));
  const textOf = (pid) => known.get(pid) ?? asOwner(pid, () => environments([pid]).get(pid)) ?? "";
  const marked = others.filter((row) => carries(textOf(row.pid), runId));
  // Postgres overwrites its environment with its title, but its working directory stays the data directory.
  // A person's shell that stands in there has a terminal, which nothing of ours has.
  const candidates = others.filter((row) => !row.hasTerminal || row.name === "postgres");
  const cwds = workingDirectories(candidates.map((row) => row.pid));
  const cwdOf = (pid) => cwds.get(pid) ?? asOwner(pid, () => workingDirectories([pid]).get(pid));
  const inside = candidates.filter((row) => directories.some(({ path }) => isInside(cwdOf(row.pid), path)));
  const members = withDescendants(table, [...registered, ...marked, ...inside]);
  return members.filter((row) => !protectedPids.has(row.pid) && !kept.has(row));
}

/** A kept environment's directory, or its computes' data on tmpfs. */
const isSpared = (path, spared) => spared.some((entry) => entry.path !== undefined && isInside(path, entry.path));

const isInside = (path, directory) => path !== undefined && (path === directory || path.startsWith(directory + sep));

/** A run within a run has the marker `outer/inner`, so that it belongs to both. */
function carries(environment, runId) {
  const marker = `NEON_TEST_RUN_ID=${runId}`;
  return hasVariable(environment, marker) || `\0${environment}`.includes(`\0${marker}/`);
}

/**
 * Root without CAP_SYS_PTRACE (in a container) may not look into another user's process, but that user may. We are
 * alone in this process, and all of this is synchronous, so nothing else happens as that user.
 */
function asOwner(pid, read) {
  if (process.getuid?.() !== 0) return undefined;
  const ids = /^Uid:\s+(\d+)[\s\S]*?^Gid:\s+(\d+)/m.exec(readOr(`/proc/${pid}/status`, ""));
  if (ids === null || ids[1] === "0") return undefined;
  const ownGroup = process.getegid();
  try {
    process.setegid(Number(ids[2]));
    process.seteuid(Number(ids[1]));
    return read();
  } finally {
    process.seteuid(0);
    process.setegid(ownGroup);
  }
}

const look = (pid, read) => read() ?? asOwner(pid, read);

/** The SysV segments of the Postgres servers that worked in the run's directories, running or not. */
function sharedMemoryOf(run) {
  const shared = { segments: new Map(), files: new Set(run.sharedMemory) };
  for (const { path, remove } of run.directories) if (remove) findPostmasters(path, shared, 0);
  return shared;
}

function findPostmasters(directory, shared, depth) {
  noteSegment(directory, shared);
  if (depth === DATA_DIRECTORY_DEPTH) return;
  for (const entry of entriesOf(directory)) {
    if (entry.isDirectory()) findPostmasters(join(directory, entry.name), shared, depth + 1);
  }
}

function noteSharedMemory(pid, shared) {
  const cwd = look(pid, () => workingDirectories([pid]).get(pid));
  if (cwd !== undefined) noteSegment(cwd, shared);
  const maps = look(pid, () => readOr(`/proc/${pid}/maps`, undefined)) ?? "";
  for (const match of maps.matchAll(/\/dev\/shm\/PostgreSQL\.\d+/g)) shared.files.add(match[0]);
}

/** Line 7 of postmaster.pid is `<key> <segment id>`, line 1 the pid of the server that made it. */
function noteSegment(dataDirectory, shared) {
  const lines = readOr(join(dataDirectory, "postmaster.pid"), "").split("\n");
  const segment = lines[6]?.trim().split(/\s+/)[1];
  if (segment !== undefined && /^\d+$/.test(segment)) shared.segments.set(segment, Math.abs(Number(lines[0])));
}

function removeSharedMemory(shared) {
  const table = readOr("/proc/sysvipc/shm", "")
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  for (const [segment, creator] of shared.segments) {
    // Ids are used again: only a segment that this very server made, and that nobody uses any more, is ours.
    const row = table.find((fields) => fields[1] === segment);
    if (row !== undefined && Number(row[4]) === creator && row[6] === "0") removeSegment(segment);
  }
  for (const file of shared.files) rmSync(file, { force: true });
}

function removeSegment(segment) {
  try {
    execFileSync("ipcrm", ["-m", segment], { stdio: "ignore" });
  } catch {
    // Without ipcrm, 56 bytes stay behind: nothing to end a run badly for.
  }
}

/** Was there something to remove? */
function removeTree(path) {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
    return true;
  } catch (error) {
    process.stderr.write(`cannot remove ${path}: ${error.message}\n`);
    return false;
  }
}

function entriesOf(directory) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
