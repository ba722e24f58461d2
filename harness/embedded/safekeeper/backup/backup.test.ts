import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lsn, TimelineId } from "../../../types";
import { pollUntil } from "../../../wait";
import { decodeWalSenderMessage } from "../../../wire";
import { type BrokerServer, startBroker } from "../../broker/server";
import { createLogger } from "../../service";
import type { TenantTimelineId } from "../acceptor-state";
import type { PeerInfo } from "../peers";
import { connectTo, TestProposer, WAL_SEG_SIZE } from "../testing/proposer";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "../testing/safekeeper-process";
import { WalBuilder } from "../testing/wal-builder";
import { electOffloader } from "./elect-offloader";

const START = 0x1500028n;
const SEGMENT = BigInt(WAL_SEG_SIZE);
const directories = new SafekeeperDirectories();
const remoteDir = join(directories.root, "remote");
let broker: BrokerServer;
let flags: string[];
let safekeeper: SafekeeperProcess;
let id: TenantTimelineId;
let wal: WalBuilder;

beforeAll(async () => {
  broker = await startBroker({ host: "127.0.0.1", port: 0, log: createLogger(() => undefined) });
  flags = [
    ...["--broker-endpoint", `http://127.0.0.1:${broker.port}`, "--remote-storage", `{local_path='${remoteDir}'}`],
    ...["--partial-backup-timeout", "100ms", "--eviction-min-resident", "100ms"],
    ...["--enable-offload", "--delete-offloaded-wal"],
  ];
  safekeeper = await SafekeeperProcess.start(directories, { flags });
});
afterAll(async () => {
  await safekeeper[Symbol.asyncDispose]();
  await broker.close();
  directories[Symbol.dispose]();
});
beforeEach(() => {
  id = newId();
  wal = new WalBuilder({ startLsn: START });
});

const path = (of = id): string => `/v1/tenant/${of.tenantId}/timeline/${of.timelineId}`;
const status = () => safekeeper.timelineStatus(id) as Promise<Record<string, string>>;
const localSegments = () =>
  readdirSync(join(safekeeper.directory, id.tenantId, id.timelineId))
    .filter((name) => /^0{7}1/.test(name))
    .toSorted();
const remoteFiles = (of = id): string[] => {
  const dir = join(remoteDir, of.tenantId, of.timelineId);
  return existsSync(dir) ? readdirSync(dir).toSorted() : [];
};
const until = (what: string, probe: () => boolean | Promise<boolean>) => pollUntil(what, probe, { budgetMs: 8000 });

/** Writes three segments and a bit; a majority is said to have them. */
async function write(): Promise<TestProposer> {
  const proposer = await TestProposer.connect(safekeeper.pgPort, id);
  await proposer.lead(1n, START);
  wal.fill(3 * WAL_SEG_SIZE);
  for (let at = START; at < wal.end; at += 100_000n) {
    proposer.append(at, wal.bytes(at, at + 100_000n < wal.end ? at + 100_000n : wal.end), wal.end);
  }
  await proposer.flushedTo(wal.end);
  // An empty message tells the new commit_lsn.
  proposer.append(wal.end, Buffer.alloc(0), wal.end);
  await until("the commit", async () => (await status())["commit_lsn"] === Lsn.format(wal.end));
  return proposer;
}

/** What pageserver and peers would say. */
async function consumed(remoteConsistentLsn: Lsn): Promise<void> {
  const lsns = {
    remote_consistent_lsn: Lsn.format(remoteConsistentLsn),
    peer_horizon_lsn: Lsn.format(remoteConsistentLsn),
  };
  const others = { flush_lsn: "0/0", commit_lsn: "0/0", backup_lsn: "0/0", local_start_lsn: "0/0" };
  const sent = await safekeeper.http("POST", `/v1/record_safekeeper_info/${id.tenantId}/${id.timelineId}`, {
    ...lsns,
    ...others,
  });
  expect(sent.status).toBe(200);
}

async function read(from: Lsn, to: Lsn, of = id, port = safekeeper.pgPort): Promise<Buffer> {
  const connection = await connectTo(port, of);
  const stream = await connection.copyBoth(`START_REPLICATION PHYSICAL ${Lsn.format(from)}`);
  let bytes = Buffer.alloc(0);
  for await (const payload of stream) {
    const message = decodeWalSenderMessage(payload);
    if (message.kind === "xlogData") bytes = Buffer.concat([bytes, message.data]);
    if (bytes.length >= Number(to - from)) break;
  }
  connection.destroy();
  return bytes.subarray(0, Number(to - from));
}

async function restored(): Promise<number> {
  const metrics = String((await safekeeper.http("GET", "/metrics")).body);
  return Number(/eviction_events_completed_total\{kind="restore"\} (\d+)/.exec(metrics)?.[1]);
}

const lastSegment = () => wal.end - (wal.end % SEGMENT);
const isBackedUp = async () => (await status())["backup_lsn"] === Lsn.format(lastSegment());

test("whole segments are uploaded, those that everybody has are removed, and can still be read", async () => {
  const proposer = await write();
  await until("the backup", isBackedUp);
  // The last segment may be on its way there, under a name of its own.
  expect(remoteFiles().filter((name) => /^[0-9A-F]{24}$/.test(name))).toHaveLength(3);
  expect(localSegments()).toHaveLength(4);
  await consumed(START + SEGMENT);
  await until("the removal", () => localSegments().length === 3);
  await consumed(wal.end);
  await until("the removal", () => localSegments().length === 1);
  expect((await read(START, wal.end)).equals(wal.bytes())).toBe(true);
  const digest = `${path()}/digest?from_lsn=${Lsn.format(START)}&until_lsn=${Lsn.format(wal.end)}`;
  expect((await safekeeper.http("GET", digest)).status).toBe(200);
  proposer.close();
});

test("the last segment is uploaded in part, anew when it has changed, under a name that says what it holds", async () => {
  const proposer = await write();
  const partials = () => remoteFiles().filter((name) => name.endsWith(".partial"));
  const nameOf = (end: Lsn): string => {
    const lsn = end.toString(16).toUpperCase().padStart(16, "0");
    return `_1_${lsn}_${lsn}_sk1.partial`;
  };
  await until("the upload", () => partials().some((name) => name.endsWith(nameOf(wal.end))));
  const before = wal.end;
  wal.record(100);
  proposer.append(before, wal.bytes(before), wal.end);
  await proposer.flushedTo(wal.end);
  proposer.append(wal.end, Buffer.alloc(0), wal.end);
  await until("the upload", () => partials().some((name) => name.endsWith(nameOf(wal.end))));
  await until("the removal", () => partials().length === 1);
  const { body } = await safekeeper.http("GET", `/v1/debug_dump?dump_control_file=true&timeline_id=${id.timelineId}`);
  const dump = (typeof body === "string" ? JSON.parse(body) : body) as { timelines: unknown[] };
  expect(dump.timelines).toMatchObject([
    { control_file: { partial_backup: { segments: [{ status: "Uploaded", name: partials()[0] }] } } },
  ]);
  proposer.close();
});

test("a timeline that nobody uses leaves the disk, and comes back for a reader and for a proposer", async () => {
  (await write()).close();
  await until("the backup", isBackedUp);
  await consumed(wal.end);
  const isGone = () => localSegments().length === 0;
  await until("the eviction", isGone);
  expect(await status()).toMatchObject({ flush_lsn: Lsn.format(wal.end), commit_lsn: Lsn.format(wal.end) });
  expect((await read(START, wal.end)).equals(wal.bytes())).toBe(true);
  expect(await restored()).toBeGreaterThan(0);

  await until("the eviction", isGone);
  await safekeeper.kill("SIGKILL");
  safekeeper = await SafekeeperProcess.start(directories, { flags, directory: safekeeper.directory });
  expect(await status()).toMatchObject({ flush_lsn: Lsn.format(wal.end) });
  const proposer = await TestProposer.connect(safekeeper.pgPort, id);
  await proposer.greet();
  expect(await proposer.vote(2n)).toMatchObject({ voteGiven: true, flushLsn: wal.end });
  proposer.elected(2n, wal.end, [
    { term: 1n, lsn: START },
    { term: 2n, lsn: wal.end },
  ]);
  const before = wal.end;
  wal.record(100);
  proposer.append(before, wal.bytes(before), wal.end);
  await proposer.flushedTo(wal.end);
  proposer.close();
  expect(await restored()).toBeGreaterThan(0);
});

test("deleting a timeline removes its WAL from remote storage unless it is to stay there", async () => {
  for (const [query, left] of [["?only_local=true", true] as const, ["", false] as const]) {
    id = newId();
    wal = new WalBuilder({ startLsn: START });
    (await write()).close();
    await until("the backup", isBackedUp);
    expect((await safekeeper.http("DELETE", path() + query)).status).toBe(200);
    expect(remoteFiles().length > 0).toBe(left);
  }
});

test("a timeline is copied up to an LSN, also what is only in remote storage", async () => {
  const proposer = await write();
  await until("the backup", isBackedUp);
  await consumed(wal.end);
  await until("the removal", () => localSegments().length === 1);
  const copy = { ...id, timelineId: TimelineId.generate() };
  const cut = START + BigInt(wal.bytes().length) / 2n;
  const beyond = { target_timeline_id: copy.timelineId, until_lsn: Lsn.format(wal.end + 8n) };
  expect((await safekeeper.http("POST", `${path()}/copy`, beyond)).status).toBe(500);
  const body = { target_timeline_id: copy.timelineId, until_lsn: Lsn.format(cut) };
  expect((await safekeeper.http("POST", `${path()}/copy`, body)).status).toBe(200);
  expect(await safekeeper.timelineStatus(copy)).toMatchObject({
    commit_lsn: Lsn.format(cut),
    timeline_start_lsn: Lsn.format(START),
  });
  expect((await read(START, cut, copy)).equals(wal.bytes(START, cut))).toBe(true);
  proposer.close();
});

test("a timeline is pulled from the safekeeper that has most of it", async () => {
  const proposer = await write();
  const directory = directories.newDirectory();
  // A directory of its own keeps its id.
  await using other = await SafekeeperProcess.start(directories, { directory, flags: [...flags, "--id", "2"] });
  const host = `http://127.0.0.1:${safekeeper.httpPort}`;
  const pull = (hosts: string[]) =>
    other.http("POST", "/v1/pull_timeline", {
      tenant_id: id.tenantId,
      timeline_id: id.timelineId,
      http_hosts: hosts,
    });
  const own = `http://127.0.0.1:${other.httpPort}`;
  expect(await pull([host, own])).toMatchObject({
    status: 500,
    body: {
      msg: expect.stringMatching(
        /^fetching status from .*: safekeeper API: NotFound: timeline .* not found$/,
      ) as string,
    },
  });
  expect(await pull([host])).toEqual({ status: 200, body: { safekeeper_host: host } });
  expect(await other.timelineStatus(id)).toMatchObject({
    flush_lsn: Lsn.format(wal.end),
    commit_lsn: Lsn.format(wal.end),
  });
  expect((await read(START, wal.end, id, other.pgPort)).equals(wal.bytes())).toBe(true);
  expect(await pull([host])).toMatchObject({ status: 500, body: { msg: `Timeline ${id.timelineId} already exists` } });
  const voter = await TestProposer.connect(other.pgPort, id);
  await voter.greet();
  expect(await voter.vote(2n)).toMatchObject({ flushLsn: wal.end, termHistory: [{ term: 1n, lsn: START }] });
  voter.close();
  proposer.close();
});

test("membership and control file are changed by hand", async () => {
  const proposer = await write();
  const conf = (generation: number) => ({ generation, members: [{ id: 1, host: "h", pg_port: 2 }], new_members: null });
  const change = (generation: number) => safekeeper.http("POST", `${path()}/membership`, conf(generation));
  expect((await change(2)).body).toMatchObject({ previous_conf: { generation: 0 }, current_conf: conf(2) });
  expect((await change(1)).body).toMatchObject({ previous_conf: conf(2), current_conf: conf(2) });
  const patch = (updates: object, fields: string[]) =>
    safekeeper.http("PATCH", `${path()}/control_file`, { updates, apply_fields: fields });
  expect((await patch({}, ["nothing"])).status).toBe(500);
  const patched = await patch({ remote_consistent_lsn: "0/1500030" }, ["remote_consistent_lsn"]);
  expect(patched.body).toMatchObject({
    old_control_file: { mconf: conf(2) },
    new_control_file: { remote_consistent_lsn: "0/1500030" },
  });
  expect(await status()).toMatchObject({ remote_consistent_lsn: "0/1500030", mconf: conf(2) });
  proposer.close();
});

describe("who uploads", () => {
  const peer = (safekeeperId: number, commitLsn: Lsn, localStartLsn = 0n) =>
    ({ safekeeperId, commitLsn, localStartLsn }) as PeerInfo;
  const timelineId = TimelineId.parse("00000000000000000000000000000004");
  test.each([
    ["nobody when none is known", [], undefined],
    ["one of those that are caught up", [peer(1, 1000n), peer(2, 1000n), peer(3, 1000n)], 2],
    ["nobody who lags", [peer(1, 1000n), peer(2, 10n), peer(3, 1000n)], 1],
    ["nobody who lacks the start", [peer(1, 1000n), peer(2, 1000n, 700n), peer(3, 1000n)], 1],
  ])("%s", (_what, peers, expected) => {
    expect(electOffloader(peers, 500n, timelineId, 100)).toBe(expected);
  });
});
