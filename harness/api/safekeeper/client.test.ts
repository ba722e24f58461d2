import { expect, test } from "vitest";
import { TenantId, TimelineId } from "../../types";
import { TestServer } from "../testing/node-server";
import { SafekeeperClient } from "./client";

const T = TenantId.parse("11111111111111111111111111111111");
const TL = TimelineId.parse("22222222222222222222222222222222");
const OTHER = TimelineId.parse("cccccccccccccccccccccccccccccccc");
const TIMELINE = `/v1/tenant/${T}/timeline/${TL}`;
const MEMBERSHIP = { generation: 1, members: [{ id: 1, host: "localhost", pg_port: 56021 }], new_members: null };

type Row = [line: string, call: (client: SafekeeperClient) => Promise<unknown>, body?: unknown];

const ROUTES: Row[] = [
  ["GET /v1/status", (c) => c.status()],
  ["GET /v1/tenant/timeline", (c) => c.listTimelines()],
  [`GET ${TIMELINE}`, (c) => c.timelineStatus(T, TL)],
  [`DELETE ${TIMELINE}?only_local=true`, (c) => c.deleteTimeline(T, TL, { onlyLocal: true })],
  [`DELETE /v1/tenant/${T}`, (c) => c.deleteTenant(T)],
  [
    "POST /v1/pull_timeline",
    (c) => c.pullTimeline({ tenant_id: T, timeline_id: TL, http_hosts: ["http://127.0.0.1:1"] }),
    { tenant_id: T, timeline_id: TL, http_hosts: ["http://127.0.0.1:1"] },
  ],
  [`GET ${TIMELINE}/snapshot/2`, (c) => c.snapshot(T, TL, 2)],
  [`POST ${TIMELINE}/membership`, (c) => c.switchMembership(T, TL, MEMBERSHIP), MEMBERSHIP],
  [
    `POST ${TIMELINE}/copy`,
    (c) => c.copyTimeline(T, TL, { targetTimelineId: OTHER, untilLsn: 0x14ec430n }),
    { target_timeline_id: OTHER, until_lsn: "0/14EC430" },
  ],
  [
    `PATCH ${TIMELINE}/control_file`,
    (c) => c.patchControlFile(T, TL, { updates: {}, apply_fields: [] }),
    { updates: {}, apply_fields: [] },
  ],
  [`POST ${TIMELINE}/checkpoint`, (c) => c.checkpoint(T, TL)],
  [
    `GET ${TIMELINE}/digest?from_lsn=0%2F14EC3A8&until_lsn=0%2F14EC430`,
    (c) => c.digest(T, TL, { fromLsn: 0x14ec3a8n, untilLsn: 0x14ec430n }),
  ],
  [`POST ${TIMELINE}/backup_partial_reset`, (c) => c.resetPartialBackup(T, TL), {}],
  [`POST ${TIMELINE}/term_bump`, (c) => c.bumpTerm(T, TL), { term: null }],
  [`POST ${TIMELINE}/term_bump`, (c) => c.bumpTerm(T, TL, { term: 9 }), { term: 9 }],
  [
    `POST /v1/record_safekeeper_info/${T}/${TL}`,
    (c) => c.recordSafekeeperInfo(T, TL, { commit_lsn: "0/10" }),
    { commit_lsn: "0/10" },
  ],
  [
    `GET /v1/debug_dump?dump_control_file=true&timeline_id=${TL}`,
    (c) => c.debugDump({ controlFile: true, timelineId: TL }),
  ],
  ["GET /profile/cpu?seconds=1", (c) => c.cpuProfile({ seconds: 1 })],
];

test.each(ROUTES)("%s", async (line, call, body) => {
  await using server = await TestServer.listen(() => ({ body: {} }));
  await call(new SafekeeperClient("safekeeper_1", server.url));
  expect(server.lines).toEqual([line]);
  const sent = server.requests[0]?.body ?? "";
  expect(sent === "" ? undefined : JSON.parse(sent)).toEqual(body);
});

test("a status keeps the system identifier's 64 bits, and gives positions as numbers", async () => {
  // As a real safekeeper wrote it.
  const body = `{"tenant_id":"${T}","timeline_id":"${TL}","pg_info":{"pg_version":170008,"system_id":7710979454304775453,"wal_seg_size":16777216},"flush_lsn":"0/4598278","commit_lsn":"0/4598278","backup_lsn":"0/4000000"}`;
  await using server = await TestServer.listen(() => ({ body }));
  const client = new SafekeeperClient("safekeeper_1", server.url);
  expect((await client.timelineStatus(T, TL)).pg_info.system_id).toBe(7710979454304775453n);
  expect(await client.commitLsn(T, TL)).toBe(0x4598278n);
  expect(await client.timelineLsn(T, TL, "backup_lsn")).toBe(0x4000000n);
});

test("a new timeline is sent with the whole system identifier", async () => {
  await using server = await TestServer.listen(() => ({}));
  await new SafekeeperClient("safekeeper_1", server.url).createTimeline({
    tenant_id: T,
    timeline_id: OTHER,
    mconf: { generation: 0, members: [] },
    pg_version: 170000,
    system_id: 7710979454304775453n,
    start_lsn: "0/1500000",
  });
  expect(server.lines).toEqual(["POST /v1/tenant/timeline"]);
  expect(server.requests[0]?.body).toContain('"system_id":7710979454304775453,');
});
