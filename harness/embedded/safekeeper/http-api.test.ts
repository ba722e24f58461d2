import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lsn } from "../../types";
import { decodeWalSenderMessage } from "../../wire";
import { BrokerClient, type SafekeeperTimelineInfo } from "../broker/client";
import { startBroker } from "../broker/server";
import { createLogger } from "../service";
import type { TenantTimelineId } from "./acceptor-state";
import { connectTo, TestProposer } from "./testing/proposer";
import { newId, SafekeeperDirectories, SafekeeperProcess } from "./testing/safekeeper-process";
import { withWal } from "./testing/wal-access";
import { WalBuilder } from "./testing/wal-builder";

const START = 0x14ec3a8n;
const text = (lsn: Lsn): string => Lsn.format(lsn);

const directories = new SafekeeperDirectories();
let shared: SafekeeperProcess;

beforeAll(async () => {
  shared = await SafekeeperProcess.start(directories);
});

afterAll(async () => {
  await shared[Symbol.asyncDispose]();
  directories[Symbol.dispose]();
});

describe("HTTP", () => {
  const path = (id: TenantTimelineId) => `/v1/tenant/${id.tenantId}/timeline/${id.timelineId}`;

  it("creates, bumps, lists and deletes timelines", async () => {
    const id = newId();
    const ids = { tenant_id: id.tenantId, timeline_id: id.timelineId };
    const body = { ...ids, pg_version: 170005, start_lsn: text(START), mconf: { generation: 0, members: [] } };
    expect(await shared.http("POST", "/v1/tenant/timeline", body)).toEqual({ status: 200, body: "null" });
    expect((await shared.http("GET", "/v1/tenant/timeline")).body).toContainEqual(ids);
    const bumped = await shared.http("POST", `${path(id)}/term_bump`, { term: 4 });
    expect(bumped.body).toEqual({ previous_term: 0, current_term: 4 });
    const proposer = await TestProposer.connect(shared.pgPort, id);
    expect(await proposer.greet()).toMatchObject({ term: 4n });
    expect(await proposer.vote(5n)).toMatchObject({
      flushLsn: START,
      timelineStartLsn: START,
      termHistory: [{ term: 0n, lsn: START }],
    });
    proposer.elected(5n, START, [{ term: 5n, lsn: START }]);
    const wal = new WalBuilder({ startLsn: START });
    wal.record(10);
    proposer.append(START, wal.bytes());
    await proposer.flushedTo(wal.end);
    expect((await shared.http("DELETE", path(id))).body).toEqual({ dir_existed: true, was_active: true });
    await expect(proposer.receive("append")).rejects.toThrow();
    expect(existsSync(join(shared.directory, id.tenantId, id.timelineId))).toBe(false);
    const gone = { msg: `NotFound: timeline ${id.tenantId}/${id.timelineId} not found` };
    expect(await shared.http("GET", path(id))).toEqual({ status: 404, body: gone });
    expect((await shared.http("DELETE", path(id))).body).toEqual({ dir_existed: false, was_active: false });
  });

  it("deletes tenants, dumps, measures and pauses", async () => {
    const id = newId();
    const wal = new WalBuilder({ startLsn: START });
    wal.fill(1000);
    const proposer = await withWal(shared, id, wal);
    const metrics = String((await shared.http("GET", "/metrics")).body);
    const labels = `{tenant_id="${id.tenantId}",timeline_id="${id.timelineId}"}`;
    expect(metrics).toContain(`safekeeper_flush_lsn${labels} ${wal.end}`);
    expect(metrics).toContain(`safekeeper_commit_lsn${labels} ${wal.end}`);
    const dump = await shared.http("GET", `/v1/debug_dump?dump_all=true&timeline_id=${id.timelineId}`);
    expect(dump.body).toMatchObject({
      timelines: [
        {
          control_file: { server: { system_id: 7 }, local_start_lsn: text(START) },
          memory: { flush_lsn: text(wal.end), num_computes: 1 },
          disk_content: { files: [{ name: "000000010000000000000014.partial" }, { name: "safekeeper.control" }] },
        },
      ],
    });
    const sha256 = createHash("sha256").update(wal.bytes()).digest("hex");
    const range = `from_lsn=${text(START)}&until_lsn=${text(wal.end)}`;
    expect((await shared.http("GET", `${path(id)}/digest?${range}`)).body).toEqual({ sha256 });
    const reader = await connectTo(shared.pgPort, id);
    await shared.http("PUT", "/v1/failpoints", [{ name: "sk-pause-send", actions: "pause" }]);
    const first = (await reader.copyBoth(`START_REPLICATION PHYSICAL ${text(START)}`))[Symbol.asyncIterator]().next();
    const early = await Promise.race([first.then(() => "sent"), shared.timelineStatus(id).then(() => "paused")]);
    expect(early).toBe("paused");
    await shared.http("PUT", "/v1/failpoints", [{ name: "sk-pause-send", actions: "off" }]);
    expect(decodeWalSenderMessage((await first).value as Buffer).kind).toBe("xlogData");
    const deleted = await shared.http("DELETE", `/v1/tenant/${id.tenantId}`);
    expect(deleted.body).toEqual({ [id.timelineId]: { dir_existed: true, was_active: true } });
    reader.destroy();
    proposer.close();
  });
});

it("tells the broker at once what moved, and shows what peers tell", async () => {
  const log = createLogger(() => undefined);
  const broker = await startBroker({ host: "127.0.0.1", port: 0, log });
  const endpoint = `http://127.0.0.1:${broker.port}/`;
  const client = new BrokerClient({ endpoint, log });
  const flags = ["--broker-endpoint", endpoint, "--availability-zone", "sk-1"];
  await using safekeeper = await SafekeeperProcess.start(directories, { flags });
  const id = newId();
  const wal = new WalBuilder({ startLsn: START });
  const committed = wal.fill(1000);
  const { promise: told, resolve } = deferred<SafekeeperTimelineInfo>();
  client.subscribe(id, (info) => info.commitLsn >= wal.end && resolve(info));
  const proposer = await withWal(safekeeper, id, wal);
  wal.fill(1000);
  proposer.append(committed, wal.bytes(committed), committed);
  await proposer.flushedTo(wal.end);
  const begun = performance.now();
  proposer.append(wal.end, Buffer.alloc(0), wal.end);
  const info = await told;
  expect(performance.now() - begun).toBeLessThan(500);
  expect(info).toMatchObject({
    safekeeperId: 1n,
    ...id,
    term: 1n,
    lastLogTerm: 1n,
    flushLsn: wal.end,
    localStartLsn: START,
    availabilityZone: "sk-1",
    safekeeperConnstr: `127.0.0.1:${safekeeper.pgPort}`,
  });
  // A peer with the same last term knows of a later commit: it holds here too.
  const uncommitted = wal.end;
  wal.fill(1000);
  proposer.append(uncommitted, wal.bytes(uncommitted));
  await proposer.flushedTo(wal.end);
  client.publisher().publish({ ...info, safekeeperId: 2n, commitLsn: wal.end });
  let status = await safekeeper.timelineStatus(id);
  while (status["commit_lsn"] !== text(wal.end)) status = await safekeeper.timelineStatus(id);
  expect(status["peers"]).toMatchObject([{ sk_id: 1 }, { sk_id: 2, commit_lsn: text(wal.end) }]);
  client.close();
  proposer.close();
  await broker.close();
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((onResolve) => (resolve = onResolve));
  return { promise, resolve };
}
