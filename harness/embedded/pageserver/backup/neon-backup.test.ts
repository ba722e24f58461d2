import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lsn, TenantId, TimelineId } from "../../../types";
import { readControl } from "../../pg/control";
import { TarReader } from "../../pg/tar-reader";
import { WalDecoder } from "../../wal/decoder";
import { segmentOffset } from "../../wal/segments";
import { PagestreamClient } from "../testing/pagestream-client";
import { TestPageserver } from "../testing/test-pageserver";
import { emptySegment } from "./backup-control";

const server = new TestPageserver();
const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
let info: Record<string, string>;

beforeAll(async () => {
  await server.prepare("wait_lsn_timeout = '1s'");
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
  info = (await server.http("GET", `/v1/tenant/${tenantId}/timeline/${timelineId}`)).json as Record<string, string>;
});
afterAll(() => server.cleanUp());
afterEach(() => server.dropClients());

async function bytesOf(command: string, rest = ""): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const client = await server.connect();
  for await (const piece of client.copyOut(`${command} ${tenantId} ${timelineId}${rest}`)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function filesIn(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let last = "";
  const reader = new TarReader({
    entry: ({ name, kind }) => files.set((last = kind === "directory" ? `${name}/` : name), Buffer.alloc(0)),
    bytes: (piece) => files.set(last, Buffer.concat([files.get(last) ?? Buffer.alloc(0), piece])),
  });
  reader.push(tar);
  reader.finish();
  return files;
}

test("a basebackup has what Neon's compute starts from, in Neon's order, and no relations", async () => {
  const files = filesIn(await bytesOf("basebackup"));
  const names = [...files.keys()];
  expect(names.slice(0, 3)).toEqual(["global/", "pg_wal/archive_status/", "pg_wal/summaries/"]);
  expect(names.slice(-3)).toEqual(["zenith.signal", "global/pg_control", expect.stringMatching(/^pg_wal\/0{7}1/)]);
  expect(names.filter((name) => /^(base\/\d+|global)\/\d/.test(name))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(["base/5/PG_VERSION", "base/5/pg_filenode.map", "pg_xact/0000"]));
  expect(files.get("zenith.signal")?.toString()).toBe(`PREV LSN: ${info["prev_record_lsn"]}`);
  const control = readControl(files.get("global/pg_control") ?? Buffer.alloc(0));
  expect(control).toMatchObject({ state: 1, redo: Lsn.parse(info["last_record_lsn"] ?? ""), checkpoint: 0n });
  expect(filesIn(gunzipSync(await bytesOf("basebackup", " --gzip")))).toEqual(files);
});

test("a full backup has the relations, too", async () => {
  const files = filesIn(await bytesOf("fullbackup", ` ${info["last_record_lsn"]}`));
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  const page = await client.ask({
    kind: "getpage",
    rel: { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 },
    blkno: 1,
  });
  expect(page).toMatchObject({ kind: "getpage", page: files.get("base/5/1259")?.subarray(8192, 16384) });
  expect([...files.keys()].filter((name) => /^base\/5\/\d/.test(name)).length).toBeGreaterThan(290);
  const wrong = bytesOf("fullbackup", ` ${info["last_record_lsn"]} 0/10`);
  await expect(wrong).rejects.toThrow("!= provided_prev_lsn 0/10");
});

test("an LSN that has not come is waited for, and not for ever", async () => {
  await expect(bytesOf("basebackup", " FF/0")).rejects.toThrow("Timed out while waiting for WAL record at LSN FF/0");
});

test.each(["0/2000028", "0/2000058", "0/2002000", "0/2003F00"])("a decoder accepts the empty segment of %s", (text) => {
  const lsn = Lsn.parse(text);
  const walSegSize = 1024 * 1024;
  const segment = emptySegment({ lsn, systemId: 7n, pgVersion: 17, walSegSize });
  const decoder = new WalDecoder({ startLsn: lsn, walSegSize, pgVersion: 17 });
  // From the LSN on there are zeros, and before it what the headers say.
  const page = lsn - (lsn % 8192n);
  expect(segment.readUInt16LE(segmentOffset(page, walSegSize))).toBe(0xd116);
  expect(segment.readBigUInt64LE(24)).toBe(7n);
  expect(() => decoder.push(lsn, segment.subarray(segmentOffset(lsn, walSegSize)))).toThrow(
    /record length 0|page magic/,
  );
});
