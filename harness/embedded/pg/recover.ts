import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunAs } from "./distribution";

export interface RecoverOptions {
  /** The program `postgres`. */
  postgres: string;
  dataDir: string;
  /** Of postgresql.conf, `name=value`. */
  settings: readonly string[];
  identity?: RunAs | undefined;
  signal?: AbortSignal | undefined;
}

const READY = "database system is ready to accept connections";
let count = 0;

/**
 * Lets a server recover the directory, and stops it before anyone connects; returns its log. A session would read the
 * catalogs, and write on their pages that a transaction which was going on at the end of the WAL has been aborted, which
 * what comes after may refute. So `postgres --single`, which is one, will not do. Rejects when the recovery fails.
 */
export async function recover(options: RecoverOptions): Promise<string> {
  const { postgres, dataDir, settings, identity, signal } = options;
  await using socket = await socketPlace();
  const nowhere = ["listen_addresses=", `unix_socket_directories=${socket.path}`, "port=5432"];
  const args = ["-D", dataDir, ...[...settings, ...nowhere].flatMap((setting) => ["-c", setting])];
  const stdio: ["ignore", "ignore", "pipe"] = ["ignore", "ignore", "pipe"];
  // Whoever listens to a signal that was aborted before is not told.
  signal?.throwIfAborted();
  const child = spawn(postgres, args, { cwd: dataDir, env: { LANG: "C" }, stdio, ...identity });
  // During recovery the server heeds no other signal, and after SIGKILL its shared memory would stay.
  const stop = () => child.kill("SIGQUIT");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const { log, isReady } = await stopWhenReady(child);
    signal?.throwIfAborted();
    if (!isReady) throw new Error(`Postgres could not recover ${dataDir}; it said:\n${log}`);
    return log;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** The end-of-recovery checkpoint, which writes all pages, comes before the server calls itself ready. */
function stopWhenReady(child: ChildProcess): Promise<{ log: string; isReady: boolean }> {
  return new Promise((resolve, reject) => {
    let log = "";
    let isReady = false;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (isReady || !log.includes(READY)) return;
      isReady = true;
      child.kill("SIGQUIT");
    });
    child.once("error", reject);
    child.once("close", () => resolve({ log, isReady }));
  });
}

/** A server must listen somewhere. On Linux that can be a name without a file. */
async function socketPlace(): Promise<AsyncDisposable & { path: string }> {
  if (process.platform === "linux") {
    return { path: `@neon-recover-${process.pid}-${(count += 1)}`, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // The path of a socket must be short.
  const path = await mkdtemp(join("/tmp", "nr-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
