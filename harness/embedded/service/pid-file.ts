import { readFile, readlink, writeFile } from "node:fs/promises";
import { hasErrorCode, unlessMissing } from "./errors";

/**
 * Node has no flock, so a claim is live if its process runs the same program in the same directory
 * (/proc says; where there is none, every claim counts as stale).
 */
async function isHeldBy(pid: number): Promise<boolean> {
  try {
    const [commandLine, cwd] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, "utf8"),
      readlink(`/proc/${pid}/cwd`),
    ]);
    return commandLine.split("\0").includes(process.argv[1] ?? "") && cwd === process.cwd();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].some((code) => hasErrorCode(error, code))) return false;
    throw error;
  }
}

/** Writes our pid, decimal without newline, into the file. Throws when a living daemon of the same kind holds it. */
export async function claimPidFile(path: string): Promise<void> {
  const previous = (await unlessMissing(readFile(path, "utf8"))) ?? "";
  const pid = /^\d+$/.test(previous) ? Number(previous) : undefined;
  if (pid !== undefined && pid !== process.pid && (await isHeldBy(pid))) {
    throw new Error(`file is already locked by process ${pid}: ${path}`);
  }
  await writeFile(path, String(process.pid));
}
