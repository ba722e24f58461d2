import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

import { distribution, freePort, identity, makeTestDirectory } from "../testing";
import { Lsn } from "../types";
import { PgConnection, decodeWalSenderMessage, encodeWalReceiverMessage, toPgTime } from "./index";

const run = promisify(execFile);
const programs = distribution(17);

async function startPostgres(dir: string, port: number): Promise<() => Promise<void>> {
  const data = path.join(dir, "data");
  const options = { ...identity, cwd: dir };
  await run(programs.initdb, ["-D", data, "-U", "postgres", "--no-sync", "-A", "trust"], options);
  // The first line wins: these users must prove who they are.
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    wal_level: "replica",
  };
  const hba = path.join(data, "pg_hba.conf");
  const script = `printf '%s\\n' "host all scram_user all scram-sha-256" "host all md5_user all md5" > hba && cat "$0" >> hba && cat hba > "$0"`;
  await run("sh", ["-c", script, hba], options);
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const postgres = spawn(programs.postgres, ["-D", data, ...args], { ...options, stdio: "ignore" });
  const exited = once(postgres, "exit");
  return async () => {
    postgres.kill("SIGQUIT");
    await exited;
  };
}

test("a real PostgreSQL: queries, passwords, COPY and physical replication", async () => {
  const dir = makeTestDirectory("wire-pg");
  const port = await freePort();
  const address = { host: "127.0.0.1", port };
  const stop = await startPostgres(dir, port);
  try {
    const tryConnect = (): Promise<PgConnection | undefined> =>
      PgConnection.connect({ ...address, user: "postgres" }).catch(() => undefined);
    let admin: PgConnection | undefined;
    await expect.poll(async () => (admin = await tryConnect()), { timeout: 10_000, interval: 20 }).toBeDefined();
    if (admin === undefined) throw new Error("not reached");

    await queriesAndErrors(admin);
    await passwords(admin, address);
    await replication(admin, address);
    await admin.end();
  } finally {
    await stop();
    await rm(dir, { recursive: true });
  }
});

async function queriesAndErrors(admin: PgConnection): Promise<void> {
  expect(admin.serverParameters.get("server_version")).toMatch(/^17/);
  expect(await admin.query("select 1 as a; select 2 as b, null as c")).toEqual({
    columns: ["b", "c"],
    rows: [["2", null]],
    tag: "SELECT 1",
  });
  expect(await admin.query("select 1; create table t(i int)")).toEqual({ columns: [], rows: [], tag: "CREATE TABLE" });
  await expect(admin.query("select nothing")).rejects.toMatchObject({ name: "PgError", code: "42703" });
  await admin.query("do $$ begin raise notice 'by the way'; end $$");
  expect(admin.notices.at(-1)?.message).toBe("by the way");
  let lines = "";
  for await (const payload of admin.copyOut("copy (select generate_series(1, 1000)) to stdout"))
    lines += payload.toString();
  expect(lines.trim().split("\n")).toHaveLength(1000);
  await expect(admin.copyOut("copy nothing to stdout").next()).rejects.toMatchObject({ code: "42P01" });
}

async function passwords(admin: PgConnection, address: { host: string; port: number }): Promise<void> {
  await admin.query("create role scram_user login password 'sécret'");
  await admin.query("set password_encryption = md5; create role md5_user login password 'old'");
  for (const [user, password] of [
    ["scram_user", "sécret"],
    ["md5_user", "old"],
  ]) {
    const client = await PgConnection.connect({ ...address, user, password, database: "postgres" });
    expect((await client.query("select current_user")).rows).toEqual([[user]]);
    await client.end();
    const wrong = PgConnection.connect({ ...address, user, password: "wrong", database: "postgres" });
    await expect(wrong).rejects.toMatchObject({ name: "PgError", code: "28P01", severity: "FATAL" });
  }
}

async function replication(admin: PgConnection, address: { host: string; port: number }): Promise<void> {
  const walsender = await PgConnection.connect({ ...address, user: "postgres", parameters: { replication: "true" } });
  const system = await walsender.query("IDENTIFY_SYSTEM");
  expect(system.columns).toEqual(["systemid", "timeline", "xlogpos", "dbname"]);
  const start = Lsn.parse(system.rows[0]?.[2] ?? "");
  const stream = await walsender.copyBoth(`START_REPLICATION PHYSICAL ${Lsn.format(start)}`);
  await admin.query("insert into t select generate_series(1, 1000)");
  const target = Lsn.parse((await admin.query("select pg_current_wal_flush_lsn()")).rows[0]?.[0] ?? "");
  expect(target).toBeGreaterThan(start);
  let position = start;
  for await (const payload of stream) {
    const message = decodeWalSenderMessage(payload);
    if (message.kind !== "xlogData") continue;
    expect(message.walStart).toBe(position);
    position += BigInt(message.data.length);
    if (position >= target) break;
  }
  const status = { write: position, flush: position, apply: position, time: toPgTime(), reply: true };
  stream.write(encodeWalReceiverMessage({ kind: "statusUpdate", ...status }));
  stream.finish();
  await stream.ended;
  expect(stream.peerFinished).toBe(true);
  expect((await walsender.query("IDENTIFY_SYSTEM")).rows).toHaveLength(1);
  await walsender.end();
}
