import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../types";
import { pollUntil } from "../../wait";
import { PagestreamClient } from "./testing/pagestream-client";
import { TestPageserver } from "./testing/test-pageserver";

const PG_CLASS = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };
const NO_REL = { ...PG_CLASS, relNode: 99999 };
const NO_SUCH_ID = "4".repeat(32);

interface TimelineInfo {
  last_record_lsn: string;
  initdb_lsn: string;
  ancestor_timeline_id: string | null;
  ancestor_lsn: string | null;
  remote_consistent_lsn: string;
}

const tenantId = TenantId.generate();
const timelineId = TimelineId.generate();
const tenantPath = `/v1/tenant/${tenantId}`;
const timelinePath = `${tenantPath}/timeline/${timelineId}`;
const server = new TestPageserver();

const info = async (): Promise<TimelineInfo> => (await server.http("GET", timelinePath)).json as TimelineInfo;

async function commandError(sql: string): Promise<string> {
  const client = await server.connect();
  return client.query(sql).then(
    () => "no error",
    (error: Error) => error.message,
  );
}

beforeAll(async () => {
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
});
afterEach(() => server.dropClients());
afterAll(() => server.cleanUp());

describe("HTTP", () => {
  test("the node registered with the storage controller", async () => {
    expect(server.storageController.registrations[0]).toMatchObject({ node_id: 1, availability_zone_id: "az-1" });
    expect((await server.http("GET", "/v1/status")).json).toEqual({ id: 1 });
    expect((await server.http("GET", "/v1/utilization")).json).toMatchObject({ shard_count: 1 });
    expect(await server.http("GET", "/v1/nope")).toMatchObject({ status: 404, json: { msg: "page not found" } });
  });

  test("a new timeline is durable when its creation is answered, and the same request finds it again", async () => {
    const before = await info();
    expect(before.remote_consistent_lsn).toBe(before.last_record_lsn);
    expect(Lsn.parse(before.last_record_lsn)).toBeGreaterThan(Lsn.parse(before.initdb_lsn));
    const remote = readdirSync(join(server.remoteDir, "tenants", tenantId, "timelines", timelineId)).toSorted();
    expect(remote).toEqual([expect.stringMatching(/^0{36}-03.*__[0-9A-F]{16}-00000001$/), "index_part.json-00000001"]);
    const again = await server.http("POST", `${tenantPath}/timeline`, { new_timeline_id: timelineId, pg_version: 17 });
    expect(again.status).toBe(201);
    expect(again.json).toEqual(await info());
    const other = { new_timeline_id: timelineId, ancestor_timeline_id: timelineId };
    expect(await server.http("POST", `${tenantPath}/timeline`, other)).toMatchObject({ status: 409 });
  });

  test.each([
    ["GET", "/v1/tenant/xyz", undefined, 400, '"failed to parse tenant_shard_id"'],
    ["GET", `/v1/tenant/${NO_SUCH_ID}`, undefined, 404, `NotFound: tenant ${NO_SUCH_ID}`],
    [
      "GET",
      `${tenantPath}/timeline/${NO_SUCH_ID}`,
      undefined,
      404,
      `NotFound: Timeline ${tenantId}/${NO_SUCH_ID} was not found`,
    ],
    ["DELETE", `${tenantPath}/timeline/${NO_SUCH_ID}`, undefined, 404, "NotFound: timeline not found"],
    [
      "DELETE",
      `/v1/tenant/${NO_SUCH_ID}/timeline/${NO_SUCH_ID}`,
      undefined,
      412,
      "Precondition failed: Requested tenant is missing",
    ],
    [
      "PUT",
      `${tenantPath}/location_config`,
      { mode: "AttachedSingle", generation: 0, tenant_conf: {} },
      400,
      '"Generation 00000000 is less than existing 00000001"',
    ],
    [
      "POST",
      `${tenantPath}/timeline`,
      { new_timeline_id: NO_SUCH_ID, ancestor_timeline_id: timelineId, ancestor_start_lsn: "0/10" },
      406,
      /^invalid branch start lsn: less than latest GC cutoff (\S+): LSN 0\/10 is earlier than latest GC cutoff \1 /,
    ],
    ["POST", `${timelinePath}/lsn_lease`, undefined, 400, '"missing request body"'],
  ])("%s %s %j: %d", async (method, path, body, status, msg) => {
    const answer = await server.http(method, path, body);
    expect(answer).toMatchObject({ status, json: { msg: typeof msg === "string" ? msg : expect.stringMatching(msg) } });
  });

  test("settings are replaced, merged, kept and refused", async () => {
    const put = (method: string, conf: object) =>
      server.http(method, "/v1/tenant/config", { tenant_id: tenantId, ...conf });
    expect((await put("PUT", { pitr_interval: "60s" })).status).toBe(200);
    expect((await put("PATCH", { gc_horizon: 5 })).status).toBe(200);
    const { json } = await server.http("GET", `${tenantPath}/config`);
    expect(json).toMatchObject({
      tenant_specific_overrides: { pitr_interval: "1m", gc_horizon: 5 },
      effective_config: { pitr_interval: "1m", gc_horizon: 5, gc_period: "1h" },
    });
    const bad = await put("PUT", { bogus: 1 });
    expect(bad).toMatchObject({ status: 400, text: expect.stringContaining("unknown field `bogus` at line 1 column") });
  });

  test("metrics have the timeline while it is here", async () => {
    const text = (await server.http("GET", "/metrics")).text;
    const labels = `{tenant_id="${tenantId}",shard_id="0000",timeline_id="${timelineId}"}`;
    expect(text).toContain("pageserver_tenant_manager_unexpected_errors_total 0");
    expect(text).toContain(`pageserver_last_record_lsn${labels} ${Lsn.parse((await info()).last_record_lsn)}`);
  });
});

describe("page_service", () => {
  test.each([
    ["show all", "unsupported command show in show all"],
    ["pagestream a b", "unsupported command pagestream in pagestream a b"],
    ["lease lsn a", "invalid number of parameters for lease lsn command: a"],
    ["stockbackup zz yy", "Failed to parse tenant id from zz: Invalid string length"],
    [`stockbackup ${tenantId} ${NO_SUCH_ID}`, "not found"],
    ["", "cannot parse query: "],
  ])("%j is answered with %j", async (sql, message) => {
    expect(await commandError(sql)).toBe(message);
  });

  test("a pagestream answers as Neon's does", async () => {
    const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
    expect(await client.ask({ kind: "exists", rel: PG_CLASS })).toMatchObject({ kind: "exists", exists: true });
    expect(await client.ask({ kind: "exists", rel: NO_REL })).toMatchObject({ exists: false });
    const size = await client.ask({ kind: "nblocks", rel: PG_CLASS });
    expect(size).toMatchObject({ nblocks: expect.closeTo(14, -1) });
    expect(await client.ask({ kind: "nblocks", rel: NO_REL })).toMatchObject({ kind: "error", message: "Read error" });
    const page = await client.ask({ kind: "getpage", rel: PG_CLASS, blkno: 0 });
    if (page.kind !== "getpage") throw new Error("no page");
    // Size and version of a heap page's layout, and where its tuples end.
    expect(page.page.readUInt16LE(18)).toBe(8192 | 4);
    expect(page.page.readUInt16LE(16)).toBe(8192);
    const beyond = await client.ask({ kind: "getpage", rel: PG_CLASS, blkno: 100_000 });
    expect(beyond).toMatchObject({ kind: "getpage", page: Buffer.alloc(8192) });
    expect(await client.ask({ kind: "getpage", rel: NO_REL, blkno: 0 })).toMatchObject({ message: "Read error" });
    expect(await client.ask({ kind: "dbsize", dbNode: 5 })).toMatchObject({ kind: "dbsize" });
    expect(await client.ask({ kind: "dbsize", dbNode: 777 })).toMatchObject({ message: "Read error" });
    expect(await client.ask({ kind: "slru", slruKind: 0, segno: 0 })).toMatchObject({ kind: "slru", blocks: 1 });
    const message = Buffer.from("message");
    expect(await client.ask({ kind: "test", batchKey: 42n, message })).toMatchObject({ batchKey: 42n, message });
  });

  test("what is asked in one go is answered in the same order, whatever it is, and every page is the right one", async () => {
    const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
    const pages = await Promise.all(
      Array.from({ length: 8 }, (_, blkno) => client.ask({ kind: "getpage", rel: PG_CLASS, blkno })),
    );
    expect(
      new Set(pages.map((answer) => (answer.kind === "getpage" ? answer.page.toString("hex") : "none"))).size,
    ).toBe(8);
    const asked = Array.from({ length: 200 }, (_, count) => {
      const blkno = count % 8;
      if (count % 41 === 40) return [{ kind: "nblocks", rel: PG_CLASS }, { kind: "nblocks" }] as const;
      if (count % 29 === 28) return [{ kind: "getpage", rel: NO_REL, blkno }, { message: "Read error" }] as const;
      if (count % 17 === 16) {
        const beyond = { kind: "getpage", rel: PG_CLASS, blkno: 100_000 } as const;
        return [beyond, { kind: "getpage", page: Buffer.alloc(8192) }] as const;
      }
      return [{ kind: "getpage", rel: PG_CLASS, blkno }, pages[blkno]] as const;
    });
    const answers = await Promise.all(asked.map(([body]) => client.ask(body)));
    const wanted = asked.map(([, answer]) => ({ ...answer, reqid: expect.any(BigInt) as bigint }));
    for (const [index, answer] of answers.entries())
      expect(answer, `answer ${index}`).toMatchObject(wanted[index] ?? {});
  });

  test("bad LSNs are errors within the stream; a bad tag and CopyDone end it", async () => {
    const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
    const ask = (requestLsn: bigint, notModifiedSince: bigint) =>
      client.ask({ kind: "nblocks", rel: PG_CLASS }, { requestLsn, notModifiedSince });
    expect(await ask(8n, 16n)).toMatchObject({
      message: "Bad request: invalid request with request LSN 0/8 and not_modified_since 0/10",
    });
    expect(await ask(0n, 0n)).toMatchObject({ message: "Bad request: invalid LSN(0) in request" });
    expect(await ask(16n, 16n)).toMatchObject({ message: "Read error" });
    client.stream.write(Buffer.from("4d000000000000000fffffffffffffffff00000000014ec430", "hex"));
    await expect(client.ask({ kind: "exists", rel: PG_CLASS })).rejects.toThrow("invalid tag 77");
    const other = await PagestreamClient.open(await server.connect(), tenantId, TimelineId.generate());
    expect(await other.ask({ kind: "exists", rel: PG_CLASS })).toMatchObject({
      message: expect.stringMatching(/^Not found: Timeline \S+ was not found$/),
    });
    other.stream.finish();
    await expect(other.ask({ kind: "exists", rel: PG_CLASS })).rejects.toThrow("unexpected message: CopyDone");
  });
});

describe("branches", () => {
  const branchId = TimelineId.generate();

  test("a branch starts at its ancestor's head, can be read, and holds its ancestor", async () => {
    const body = { new_timeline_id: branchId, ancestor_timeline_id: timelineId };
    const created = await server.http("POST", `${tenantPath}/timeline`, body);
    const ancestor = await info();
    expect(created).toMatchObject({
      status: 201,
      json: {
        ancestor_timeline_id: timelineId,
        ancestor_lsn: ancestor.last_record_lsn,
        initdb_lsn: ancestor.initdb_lsn,
      },
    });
    const client = await PagestreamClient.open(await server.connect(), tenantId, branchId);
    expect(await client.ask({ kind: "exists", rel: PG_CLASS })).toMatchObject({ exists: true });
    const refused = await server.http("DELETE", timelinePath);
    expect(refused.status).toBe(412);
    expect(refused.text).toContain(`Cannot delete timeline which has child timelines: [${branchId}]`);
  });

  test("a deleted branch is gone, here and in remote storage", async () => {
    const path = `${tenantPath}/timeline/${branchId}`;
    expect((await server.http("DELETE", path)).status).toBe(202);
    const isGone = async () => (await server.http("GET", path)).status === 404;
    await pollUntil("the timeline is gone", isGone, { budgetMs: 5000, intervalMs: 10 });
    expect(readdirSync(join(server.remoteDir, "tenants", tenantId, "timelines"))).toEqual([timelineId]);
  });
});

describe("without a storage controller", () => {
  const lonely = new TestPageserver();
  afterAll(() => lonely.cleanUp());

  test("nothing is served, the upcall is tried again, and SIGTERM still stops at once", async () => {
    await lonely.prepare();
    await lonely.storageController.stop();
    lonely.spawn();
    await pollUntil("second try", async () => lonely.log.split("re-attach failed").length > 2, { budgetMs: 5000 });
    await expect(
      fetch(`${lonely.httpUrl}/v1/status`, { signal: AbortSignal.timeout(100) }).then((answer) => answer.status),
    ).rejects.toThrow("aborted due to timeout");
    const { code, elapsedMs } = await lonely.stop("SIGTERM");
    expect(code).toBe(0);
    expect(elapsedMs).toBeLessThan(1000);
  });
});

test("immediate shutdown ends with 111, and nothing above was worth a warning", async () => {
  expect(await server.stop("SIGQUIT")).toMatchObject({ code: 111 });
  expect(server.complaints()).toEqual([]);
});
