import { readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveRuns, sweepStaleRuns } from "../../harness/process";
import { defineCommand } from "../command/command";
import { flag } from "../command/option";

/** What tests and the command make outside of a project, by the beginning of its name. */
const OURS = /^neon-(test|suites|durations|inline-suite)-(?!runs-|cache-|templates-)/;
const CACHES = /^neon-test-(cache|templates)-/;
const OLD_MS = 24 * 3600 * 1000;

/** Removes what runs left that were killed together with their reapers, and what nobody has touched for a day. */
export const clean = defineCommand({
  name: "clean",
  summary: "removes what an older crash left: processes, directories, shared memory",
  options: {
    caches: flag({ help: "also remove the caches (staged programs, templates); the next run makes them anew" }),
  },
  run: async ({ options }) => {
    const reports = await sweepStaleRuns();
    for (const { pid, command } of reports.flatMap(({ killed }) => killed)) print(`killed ${pid} ${command}`);
    for (const path of reports.flatMap(({ removed }) => removed)) print(`removed ${path}`);
    const alive = liveRuns();
    for (const path of orphans(alive)) remove(path);
    if (options.caches) for (const path of cachesOf()) remove(path);
    const others = alive.length === 0 ? "" : `; ${alive.length} runs go on and were left alone`;
    print(`${reports.length} dead runs cleared${others}`);
    return 0;
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
  print(`removed ${path}`);
}

/** Directories of ours that are old, or whose run, named in theirs, is over. */
function orphans(alive: readonly string[]): string[] {
  return [...new Set([tmpdir(), "/tmp", "/dev/shm"])].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => OURS.test(name))
      .map((name) => join(folder, name))
      .filter((path) => isOwn(path) && !alive.some((run) => path.includes(run)) && isOld(path)),
  );
}

const cachesOf = (): string[] =>
  namesIn("/var/tmp")
    .filter((name) => CACHES.test(name))
    .map((name) => join("/var/tmp", name))
    .filter(isOwn);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // macOS has no /dev/shm.
    return [];
  }
}

const isOwn = (path: string): boolean => {
  const uid = process.getuid?.();
  return uid === 0 || statSync(path, { throwIfNoEntry: false })?.uid === uid;
};

const isOld = (path: string): boolean =>
  Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > OLD_MS;
