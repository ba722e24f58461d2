import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addedPostgres, findPostgres, postgresCache } from "../../harness/engine";
import { errnoOf, HarnessError, messageOfUnknown } from "../../harness/types";
import type { PgVersion } from "../../harness/types";
import { makeLinks } from "./links";
import { installPackage, newestPackage, PACKAGE } from "./npm";

/** What Postgres says of itself, e.g. `15.18`. Throws BINARY_BROKEN when it doesn't run. */
export function versionOf(root: string): string {
  const program = join(root, "bin", "postgres");
  try {
    const text = execFileSync(program, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    return /\(PostgreSQL\) (\S+)/.exec(text)?.[1] ?? text.trim();
  } catch (error) {
    throw new HarnessError("BINARY_BROKEN", {
      summary: `${program} does not run`,
      expected: `${program} --version to print its version`,
      found: messageOfUnknown(error).split("\n").slice(0, 3).join("\n"),
      todo: "install the libraries that it misses, or remove it and choose another version",
      cause: error,
    });
  }
}

/** Brings the newest release of a major from npm into the cache. Returns one line that says what happened. */
export async function addPostgres(env: NodeJS.ProcessEnv, version: PgVersion): Promise<string> {
  const place = findPostgres(env, version);
  if (place?.origin === "npm ci") return `Postgres ${version} came with npm ci: ${place.root}`;
  const newest = await newestPackage(version);
  const target = addedPostgres(env, version);
  if (packageVersion(target) === newest) return `Postgres ${version} is there already: ${target} (${newest})`;
  await fetchInto(env, target, newest, version);
  return `Postgres ${versionOf(join(target, "native"))} added: ${target} (${PACKAGE}@${newest})`;
}

/** It is put together beside its place and renamed into it, so nobody ever meets half of it. */
async function fetchInto(env: NodeJS.ProcessEnv, target: string, newest: string, version: PgVersion): Promise<void> {
  const draft = join(postgresCache(env), `.adding-${randomUUID()}`);
  try {
    mkdirSync(draft, { recursive: true });
    await installPackage(draft, newest);
    const packageDir = join(draft, "node_modules", ...PACKAGE.split("/"));
    makeLinks(packageDir);
    requireMajor(versionOf(join(packageDir, "native")), version);
    rmSync(target, { recursive: true, force: true });
    renameSync(packageDir, target);
  } catch (error) {
    throw errnoOf(error) === "ENOSPC" ? noRoom(draft, error) : error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function requireMajor(found: string, version: PgVersion): void {
  if (Number.parseInt(found, 10) === version) return;
  throw new HarnessError("BINARY_BROKEN", {
    summary: "the package holds another Postgres than its version says",
    expected: `Postgres ${version}`,
    found,
  });
}

function noRoom(dir: string, cause: unknown): HarnessError {
  return new HarnessError("DISK_FULL", { summary: `no space for another Postgres in ${dir}`, cause });
}

/** Undefined when the package isn't there. */
export function packageVersion(packageDir: string): string | undefined {
  const path = join(packageDir, "package.json");
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
