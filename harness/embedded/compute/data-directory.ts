import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "../service";

/** The lines of postmaster.pid that matter here; `status` is line 8: starting, stopping, ready or standby. */
export interface PostmasterFile {
  pid: number;
  status: string;
}

/** Undefined when there is no postmaster.pid, or none that is complete. */
export function readPostmasterFile(dataDir: string): PostmasterFile | undefined {
  try {
    const text = readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n");
    const pid = Number(text[0]);
    return Number.isInteger(pid) && pid > 0 ? { pid, status: text[7]?.trim() ?? "" } : undefined;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasErrorCode(error, "EPERM");
  }
}

/** Whether that process is a Postgres; where /proc can't tell, any process counts as one. */
function looksLikePostgres(pid: number): boolean {
  if (!existsSync("/proc/self/cmdline")) return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT") || hasErrorCode(error, "ESRCH")) return false;
    throw error;
  }
}

/**
 * An empty directory with mode 0700 where `path` says, which may be a link to it; returns its real path. Whatever was in
 * it goes, for all that counts is with the safekeepers. Refuses while a postmaster runs there.
 */
export async function emptyDataDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(path);
  const postmaster = readPostmasterFile(dataDir);
  if (postmaster !== undefined && isAlive(postmaster.pid) && looksLikePostgres(postmaster.pid)) {
    throw new Error(`another postmaster (pid ${postmaster.pid}) is running in ${path}`);
  }
  const names = await readdir(dataDir);
  await Promise.all(names.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));
  await chmod(dataDir, 0o700);
  return dataDir;
}

/** Another postgresql.conf; it holds when Postgres is told to read it. */
export async function writePostgresqlConf(dataDir: string, text: string): Promise<void> {
  await writeFile(join(dataDir, "postgresql.conf"), text, { mode: 0o600 });
}

export async function writeConfiguration(dataDir: string, postgresqlConf: string, pgHbaConf: string): Promise<void> {
  await writePostgresqlConf(dataDir, postgresqlConf);
  await writeFile(join(dataDir, "pg_hba.conf"), pgHbaConf, { mode: 0o600 });
}
