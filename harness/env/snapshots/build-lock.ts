import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { startTimeOf } from "../../process/process-table.mjs";
import { errnoOf } from "../../types";
import { pollUntil } from "../../wait";

/** What somebody else's build of a snapshot may take. */
const BUDGET_MS = 600_000;

interface Owner {
  pid: number;
  startTime: string | undefined;
}

/** Runs `build` while nobody else does, in this run or another; whoever dies with the lock leaves it free. */
export async function withBuildLock(path: string, build: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await pollUntil(`the build of ${path.replace(/\.lock$/, "")} by somebody else`, () => tryLock(path), {
    budgetMs: BUDGET_MS,
  });
  try {
    await build();
  } finally {
    rmSync(path, { force: true });
  }
}

/** The lock appears whole, with its owner in it. */
function tryLock(path: string): boolean {
  const draft = `${path}.${randomUUID()}`;
  const me: Owner = { pid: process.pid, startTime: startTimeOf(process.pid) };
  writeFileSync(draft, JSON.stringify(me));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    dropIfDead(path);
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moved aside first: of several who find the owner dead, one has it, and no new lock is taken for the old one. */
function dropIfDead(path: string): void {
  const owner = ownerOf(path);
  if (owner === undefined || startTimeOf(owner.pid) === owner.startTime) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return;
  }
  // Somebody may have taken the lock between our look and our move; then it goes back.
  const moved = ownerOf(aside);
  if (moved !== undefined && startTimeOf(moved.pid) === moved.startTime) linkSync(aside, path);
  rmSync(aside, { force: true });
}

function ownerOf(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Owner;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
