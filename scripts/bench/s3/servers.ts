import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedProcess, registerDirectory } from "../../../harness/process";
import { SmallS3Client } from "../../../harness/storage/s3/client";
import { pollUntil, Wait } from "../../../harness/wait";
import { PACKAGE_ROOT } from "../../project";

export const IN_FLIGHT = 16;

/** An S3 server in a process of its own, with an empty bucket. */
export interface BenchServer extends AsyncDisposable {
  name: string;
  pid: number;
  client: SmallS3Client;
  /** How long it took until it accepted connections. */
  readyMs: number;
  /** Bytes that are in memory now, and that were at most. */
  memory: () => { resident: number; peak: number };
}

const KEYS = { accessKeyId: "bench", secretAccessKey: "bench-secret" };
const BUCKET = "bench";

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}

async function start(name: string, command: string, args: (port: number, dir: string) => string[]) {
  const dir = mkdtempSync(join(tmpdir(), `neon-bench-s3-`));
  registerDirectory(dir);
  const port = await freePort();
  const logPath = join(dir, "server.log");
  const started = performance.now();
  const process = await ManagedProcess.spawn({ name, command, args: args(port, dir), cwd: dir, logPath });
  await Wait.port("127.0.0.1", port).wait({ process, budgetMs: 60_000 });
  return { dir, port, process, logPath, readyMs: performance.now() - started };
}

function clientOf(port: number, keys: typeof KEYS): SmallS3Client {
  const access = { endpoint: `http://127.0.0.1:${port}`, region: "us-east-1", bucket: BUCKET, ...keys };
  return new SmallS3Client({ ...access, sessionToken: undefined }, { timeoutMs: 60_000, concurrency: IN_FLIGHT });
}

function memoryOf(pid: number): { resident: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024;
  return { resident: bytes("VmRSS"), peak: bytes("VmHWM") };
}

/** `neon-test s3`, objects on disk. */
export async function startOurs(): Promise<BenchServer> {
  const command = join(PACKAGE_ROOT, "dist/command/main.js");
  const args = (port: number, dir: string): string[] => {
    return [command, "s3", "--port", String(port), "--dir", join(dir, "data"), "--bucket", BUCKET];
  };
  const { process: server, port, logPath, readyMs } = await start("ours", process.execPath, args);
  const printed = async () => {
    const text = readFileSync(logPath, "utf8");
    return /AWS_ACCESS_KEY_ID=(\S+) AWS_SECRET_ACCESS_KEY=(\S+)/.exec(text) ?? undefined;
  };
  const [, accessKeyId = "", secretAccessKey = ""] = await pollUntil("the keys", printed, { budgetMs: 10_000 });
  const client = clientOf(port, { accessKeyId, secretAccessKey });
  return {
    name: "ours",
    pid: server.pid,
    client,
    readyMs,
    memory: () => memoryOf(server.pid),
    ...disposal(server, client),
  };
}

/** moto's own server, as Neon's harness uses it. */
export async function startMoto(command: string): Promise<BenchServer> {
  const { process: server, port, readyMs } = await start("moto", command, (at) => ["-p", String(at)]);
  const client = clientOf(port, KEYS);
  // It looks at no signature.
  await fetch(`http://127.0.0.1:${port}/${BUCKET}`, { method: "PUT" });
  return {
    name: "moto",
    pid: server.pid,
    client,
    readyMs,
    memory: () => memoryOf(server.pid),
    ...disposal(server, client),
  };
}

const disposal = (server: ManagedProcess, client: SmallS3Client): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    client.close();
    await server.killFamily();
  },
});
