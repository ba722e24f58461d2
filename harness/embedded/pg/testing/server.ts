import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { distribution, freePort, giveToNodes, identity, programEnvironment } from "../../../testing";
import type { PgVersion } from "../../../types";
import { pollUntil } from "../../../wait";
import { segmentFileName, segmentOffset, segmentStart } from "../../wal/segments";
import type { WalSource } from "../base-tar";

export const SEGMENT = 1024 * 1024;

/** Runs a server in the directory while `work` talks to it, and stops it without a checkpoint. */
export async function withServer<T>(
  dataDir: string,
  work: (client: Client, port: number) => Promise<T>,
  version: PgVersion = 17,
): Promise<T> {
  const port = await freePort();
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "fsync=off",
    "wal_recycle=off",
  ];
  const more = ["autovacuum=off", "wal_keep_size=1GB", "max_prepared_transactions=10", "full_page_writes=off"];
  const args = ["-D", dataDir, ...[...settings, ...more].flatMap((setting) => ["-c", setting])];
  const server = spawn(distribution(version).postgres, args, {
    env: programEnvironment,
    stdio: ["ignore", "ignore", "pipe"],
    cwd: dataDir,
    ...identity,
  });
  let log = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const exited = once(server, "exit");
  try {
    await pollUntil("postgres to be ready", () => log.includes("ready to accept connections"), {
      budgetMs: 60_000,
      describe: () => log,
    });
    const client = new Client({ host: "127.0.0.1", port, user: "cloud_admin", database: "postgres" });
    await client.connect();
    try {
      return await work(client, port);
    } finally {
      await client.end();
    }
  } finally {
    server.kill("SIGQUIT");
    await exited;
  }
}

export async function giveTree(dir: string): Promise<void> {
  giveToNodes(dir);
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) giveToNodes(join(dir, name));
}

export const scalar = async (client: Client, sql: string): Promise<unknown> =>
  Object.values((await client.query(sql)).rows[0] as object)[0];

/** WAL straight from the files of a server. */
export const walIn = (dir: string): WalSource => ({
  async *read(from, to) {
    for (let at = from; at < to;) {
      const file = readFileSync(join(dir, segmentFileName(at, SEGMENT)));
      const next = segmentStart(at, SEGMENT) + BigInt(SEGMENT);
      const end = to < next ? to : next;
      yield file.subarray(segmentOffset(at, SEGMENT), segmentOffset(at, SEGMENT) + Number(end - at));
      at = end;
    }
  },
});
