import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, HarnessError } from "../../types";
import type { S3Keys } from "./authenticate";
import { newKeys } from "./keys";
import { MockS3Server } from "./server";
import { startError } from "./start-error";

export interface ServedDirectory {
  endpoint: string;
  region: string;
  keys: S3Keys;
  stop(): Promise<void>;
}

const REGION = "us-east-1";

/**
 * A server that has everything again at its next start in the same directory: buckets, objects, keys. Throws PORT_TAKEN,
 * or BAD_VALUE when the directory can't be used or another server uses it.
 */
export async function serveDirectory(
  dir: string,
  options: { port?: number | undefined; buckets?: readonly string[] },
): Promise<ServedDirectory> {
  const release = claim(dir);
  try {
    const keys = keysOf(dir);
    const server = await MockS3Server.start({ ...options, dir, keys, region: REGION, lasting: true });
    const endpoint = `http://127.0.0.1:${server.port}`;
    const stop = async (): Promise<void> => {
      await server.close();
      release();
    };
    return { endpoint, region: REGION, keys, stop };
  } catch (error) {
    release();
    throw startError(error, { port: options.port, dir });
  }
}

/** Two servers would write over each other's journal. Returns how to let go. */
function claim(dir: string): () => void {
  const path = join(dir, "server.pid");
  try {
    mkdirSync(dir, { recursive: true });
    const holder = holderOf(path);
    if (holder !== undefined) throw inUse(dir, path, holder);
    rmSync(path, { force: true });
    closeSync(openSync(path, "wx"));
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    throw HarnessError.is(error) ? error : startError(error, { dir });
  }
  return () => rmSync(path, { force: true });
}

/** The server that has the directory now; one that was killed has left its file, and nothing else. */
function holderOf(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const pid = Number(readFileSync(path, "utf8").trim());
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return errnoOf(error) === "EPERM" ? pid : undefined;
  }
}

function inUse(dir: string, path: string, pid: number): HarnessError {
  return new HarnessError("BAD_VALUE", {
    summary: `another S3 server uses ${dir}`,
    expected: "a directory of its own for each server",
    found: `pid ${pid}`,
    todo: `stop it, or name another directory; if pid ${pid} is no such server, remove ${path}`,
  });
}

function keysOf(dir: string): S3Keys {
  const path = join(dir, "keys.json");
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as S3Keys;
  const keys = newKeys();
  writeFileSync(path, `${JSON.stringify(keys)}\n`, { mode: 0o600 });
  return keys;
}
