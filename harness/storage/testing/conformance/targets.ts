import { existsSync } from "node:fs";
import { freePort, makeTestDirectory } from "../../../testing";
import { ManagedProcess } from "../../../process";
import { Wait } from "../../../wait";
import { MockS3Server } from "../../mock-s3/server";
import type { Target } from "./ground";
import { MINIO_DEVIATIONS, MOTO_DEVIATIONS } from "./deviations";

interface Row {
  name: string;
  start: () => Promise<Target & AsyncDisposable>;
  /** Checks that it is known not to pass. */
  deviations: readonly string[];
  /** Why it can't be run here. */
  unavailable?: string;
}

const KEYS = { accessKeyId: "conformance", secretAccessKey: "conformance-secret" };
const REGION = "us-east-1";

async function startOurs(dir: string | undefined): Promise<Target & AsyncDisposable> {
  const server = await MockS3Server.start({ keys: KEYS, region: REGION, dir, lasting: dir !== undefined });
  const target = { name: "ours", endpoint: `http://127.0.0.1:${server.port}`, region: REGION, keys: KEYS };
  return { ...target, [Symbol.asyncDispose]: () => server.close() };
}

interface OtherServer {
  name: string;
  command: string;
  args: (port: number, dir: string) => string[];
  env: Record<string, string>;
}

/** A server of somebody else's, as a process of its own. */
async function startOther({ name, command, args, env }: OtherServer): Promise<Target & AsyncDisposable> {
  const dir = makeTestDirectory(name);
  const port = await freePort();
  const logPath = `${dir}/${name}.log`;
  const process = await ManagedProcess.spawn({ name, command, args: args(port, dir), cwd: dir, env, logPath });
  try {
    await Wait.port("127.0.0.1", port).wait({ process, budgetMs: 60_000 });
  } catch (error) {
    await process.killFamily();
    throw error;
  }
  const target = { name, endpoint: `http://127.0.0.1:${port}`, region: REGION, keys: KEYS };
  return { ...target, [Symbol.asyncDispose]: () => process.killFamily() };
}

/** A row for a server whose program an environment variable names. */
function other(variable: string, server: Omit<OtherServer, "command">, deviations: readonly string[]): Row {
  const command = process.env[variable] ?? "";
  const row = { name: server.name, deviations, start: () => startOther({ ...server, command }) };
  if (command === "") return { ...row, unavailable: `${variable} is not set` };
  return existsSync(command) ? row : { ...row, unavailable: `${variable} names nothing: ${command}` };
}

const moto = { name: "moto", env: {}, args: (port: number) => ["-p", String(port)] };
const minio = {
  name: "minio",
  env: { MINIO_ROOT_USER: KEYS.accessKeyId, MINIO_ROOT_PASSWORD: KEYS.secretAccessKey, MINIO_DOMAIN: "localhost" },
  args: (port: number, dir: string) => ["server", "--quiet", "--address", `127.0.0.1:${port}`, `${dir}/data`],
};

export const TARGETS: readonly Row[] = [
  { name: "ours, in memory", deviations: [], start: () => startOurs(undefined) },
  { name: "ours, on disk", deviations: [], start: () => startOurs(makeTestDirectory("mock-s3")) },
  other("MOTO_SERVER", moto, MOTO_DEVIATIONS),
  other("MINIO_BIN", minio, MINIO_DEVIATIONS),
];
