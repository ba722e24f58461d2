import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { HarnessError } from "../types";
import type { Command, Driver } from "./driver";
import { hostEnvironment } from "./host-environment";
import { runProgram } from "./run-program";
import type { ProgramEnd } from "./run-program";

const SLOT_MS = 15 * 60_000;
const UNUSED_AFTER_MS = 7 * 24 * 3600_000;

/** NEON_TEST_CLIENT_CACHE, or a folder of the user's cache. */
export function clientCache(env: NodeJS.ProcessEnv = process.env): string {
  const base = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return env["NEON_TEST_CLIENT_CACHE"] || join(base, "neon-test", "pg_clients");
}

/**
 * A copy of the driver's folder with its dependencies and, where it is compiled, its program, beside what the programs of
 * its language share; kept until one of these files changes. Throws Unobtainable, or COMMAND_FAILED with what the
 * compiler said.
 */
export async function installDriver(driver: Driver): Promise<string> {
  const name = driver.name.replaceAll("/", "-");
  const ready = join(clientCache(), `${name}-${contentOf(driver)}`);
  const folder = basename(driver.folder);
  if (existsSync(ready)) {
    utimesSync(ready, new Date(), new Date());
    return join(ready, folder);
  }
  mkdirSync(dirname(ready), { recursive: true });
  const staging = mkdtempSync(join(dirname(ready), `.${name}-`));
  try {
    for (const path of [...sharedFiles(driver), driver.folder]) {
      cpSync(path, join(staging, basename(path)), { recursive: true });
    }
    for (const command of driver.fetch) await fetchDependencies(command, join(staging, folder));
    for (const command of driver.build) await build(driver, command, join(staging, folder));
    publish(staging, ready);
    removeUnused(dirname(ready), name, ready);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return join(ready, folder);
}

/** Another worker may have been faster; its copy is as good. */
function publish(staging: string, ready: string): void {
  try {
    renameSync(staging, ready);
  } catch (error) {
    if (!existsSync(ready)) throw error;
  }
}

/** Copies of what the folder was earlier; another clone of the project may still use one that is young. */
function removeUnused(cache: string, name: string, ready: string): void {
  const copy = new RegExp(`^\\.?${name}-\\w+$`);
  const old = readdirSync(cache)
    .filter((entry) => copy.test(entry))
    .map((entry) => join(cache, entry))
    .filter((path) => path !== ready && Date.now() - modified(path) > UNUSED_AFTER_MS);
  for (const path of old) rmSync(path, { recursive: true, force: true });
}

/** Now, where another run has just removed it. */
const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();

/** What a registry must have, and can't be had now; the program may still be right. */
export class Unobtainable extends Error {}

async function fetchDependencies(command: Command, cwd: string): Promise<void> {
  const end = await runProgram({ command, cwd, environment: hostEnvironment(), slotMs: SLOT_MS });
  if (end.exitCode === 0 && !end.isOverTime) return;
  const words = lastLines(end).at(-1) ?? "it said nothing";
  throw new Unobtainable(`its dependencies can't be had: \`${command.join(" ")}\` failed: ${words}`);
}

async function build(driver: Driver, command: Command, cwd: string): Promise<void> {
  const end = await runProgram({ command, cwd, environment: hostEnvironment(), slotMs: SLOT_MS });
  if (end.exitCode === 0 && !end.isOverTime) return;
  throw new HarnessError("COMMAND_FAILED", {
    summary: `${driver.name}: \`${command.join(" ")}\` failed`,
    expected: "exit code 0",
    found: end.isOverTime ? `no end within ${SLOT_MS / 60_000} min` : `exit code ${end.exitCode}`,
    logTail: lastLines(end).join("\n"),
  });
}

const lastLines = ({ stdout, stderr }: ProgramEnd): string[] => `${stdout}\n${stderr}`.trim().split("\n").slice(-30);

/** What the programs of a language have in common: the files beside their folders. */
const sharedFiles = ({ folder }: Driver): string[] => filesIn(dirname(folder), { recursive: false });

/** Tells one state of a program's files from another. */
export function contentOf(driver: Driver): string {
  const hash = createHash("sha256");
  const files = [...sharedFiles(driver), ...filesIn(driver.folder, { recursive: true })];
  const place = dirname(driver.folder);
  for (const file of files) hash.update(relative(place, file)).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

const filesIn = (folder: string, options: { recursive: boolean }): string[] =>
  readdirSync(folder, { ...options, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .toSorted();
