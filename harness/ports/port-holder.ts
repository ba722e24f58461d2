import { execFile } from "node:child_process";
import { readFile, readdir, readlink } from "node:fs/promises";
import { promisify } from "node:util";

const LISTENING = "0A";

/** Who listens on a TCP port, as `pid 12 (postgres -p 5432)`; undefined where the system does not tell us. */
export async function holderOf(port: number): Promise<string | undefined> {
  return process.platform === "linux" ? holderFromProc(port) : holderFromLsof(port);
}

async function holderFromProc(port: number): Promise<string | undefined> {
  const inodes = new Set([
    ...listenersOn(port, await readOr("/proc/net/tcp")),
    ...listenersOn(port, await readOr("/proc/net/tcp6")),
  ]);
  if (inodes.size === 0) return undefined;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (await hasSocket(pid, inodes)) return `pid ${pid} (${commandLine(await readOr(`/proc/${pid}/cmdline`))})`;
  }
  return "a process of another user";
}

/** The socket inodes of those who listen on `port`, from the text of /proc/net/tcp. */
export function listenersOn(port: number, table: string): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  return rows.flatMap((row) => (row[1]?.endsWith(`:${wanted}`) && row[3] === LISTENING && row[9] ? [row[9]] : []));
}

async function hasSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  // Processes of others don't show us their files, and some end while we look.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(fds.map(async (fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ""));
}

const readOr = async (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

const commandLine = (text: string): string => text.replaceAll("\0", " ").trim().slice(0, 200);

async function holderFromLsof(port: number): Promise<string | undefined> {
  const args = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"];
  const { stdout } = await promisify(execFile)("lsof", args).catch(() => ({ stdout: "" }));
  const [, pid, command] = /^p(\d+)\nc(.*)$/m.exec(stdout) ?? [];
  return pid === undefined ? undefined : `pid ${pid} (${command})`;
}
