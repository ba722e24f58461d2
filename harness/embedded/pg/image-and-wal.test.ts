import { mkdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cacheDir, distribution, giveToNodes, identity, makeTestDirectory } from "../../testing";
import { Lsn } from "../../types";
import { WalDecoder, WalFormatError } from "../wal/decoder";
import type { WalRecord } from "../wal/decoder";
import { findEndOfWal } from "../wal/end-of-wal";
import { factOf } from "../wal/records";
import { segmentFileName, segmentOffset } from "../wal/segments";
import { streamBase, unpackBase } from "./base-tar";
import type { WalSource } from "./base-tar";
import { bootstrapImage, readImageManifest } from "./image";
import { materialize } from "./materialize";
import { RelationFiles } from "./relation-files";
import { giveTree, scalar, SEGMENT, walIn, withServer } from "./testing/server";

interface Mark {
  lsn: Lsn;
  rows: number;
}

const root = makeTestDirectory("image-and-wal");
let imageFile: string;
let walDir: string;
let imageLsn: Lsn;
let marks: Mark[];
let page: { lsn: Lsn; relation: number; database: number; bytes: Buffer };

function directory(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { mode: 0o700 });
  giveToNodes(path);
  return path;
}

/** The WAL of the server that made the load. */
const wal: WalSource = { read: (from, to) => walIn(walDir).read(from, to) };

async function records(
  onRecord: (record: WalRecord) => void,
  chunkSize = 65_536,
  checkCrc = true,
): Promise<WalDecoder> {
  const decoder = new WalDecoder({ startLsn: imageLsn, walSegSize: SEGMENT, pgVersion: 17, checkCrc, onRecord });
  const last = marks.at(-1)?.lsn ?? 0n;
  for await (const piece of wal.read(imageLsn, last)) {
    for (let offset = 0; offset < piece.length; offset += chunkSize)
      decoder.push(decoder.position, piece.subarray(offset, offset + chunkSize));
  }
  return decoder;
}

/** The server must stay on timeline 1 and begin its WAL at exactly `lsn`, chained to the last record before it. */
async function startAt(lsn: Lsn, work: (client: Client) => Promise<void> = async () => {}): Promise<void> {
  const dataDir = directory(`start-${lsn}`);
  const { prevRecord } = await unpackBase(streamBase({ imageFile, wal, lsn }), dataDir);
  await giveTree(dataDir);
  await withServer(dataDir, async (client) => {
    expect(await scalar(client, "select timeline_id from pg_control_checkpoint()")).toBe(1);
    await work(client);
  });
  const first = firstRecord(dataDir, lsn);
  expect(first && factOf(first)).toMatchObject({ kind: "checkpoint", online: false });
  expect(first?.prev).toBe(prevRecord);
  expect(prevRecord).toBe((await lastRecordBefore(lsn)) ?? prevRecord);
  rmSync(dataDir, { recursive: true });
}

async function lastRecordBefore(lsn: Lsn): Promise<Lsn | undefined> {
  let last: Lsn | undefined;
  await records((record) => (last = record.end <= lsn ? record.lsn : last), 65_536, false);
  return last;
}

/** The load: DDL, rows, a checkpoint, a segment switch, records larger than a page, a file-copied database. */
async function makeLoad(client: Client): Promise<void> {
  const mark = async (): Promise<void> => {
    const rows = Number(await scalar(client, "select count(*) from t"));
    await client.query("select pg_logical_emit_message(true, 'mark', '')");
    const lsn = Lsn.parse(String(await scalar(client, "select pg_current_wal_flush_lsn()")));
    marks.push({ lsn, rows });
  };
  await client.query("create table t as select i, repeat('x', 100) as filler from generate_series(1, 1000) i");
  await mark();
  await client.query("select pg_logical_emit_message(true, 'long', repeat('z', 30000))");
  await client.query("insert into t select i, 'y' from generate_series(1, 20000) i");
  await mark();
  await client.query("checkpoint");
  await client.query("select pg_switch_wal()");
  await client.query("insert into t select i, 'w' from generate_series(1, 100) i");
  await mark();
  await client.query("create database d strategy file_copy");
  await client.query("delete from t where i % 2 = 0");
  await mark();
}

async function rememberPage(client: Client): Promise<void> {
  await client.query("create extension pageinspect");
  // Nobody reads this table, so no hint bits stand in it that the WAL doesn't know; and replay writes command id 0.
  await client.query("create table p (i int, filler text)");
  await client.query("insert into p select i, repeat('p', 50) from generate_series(1, 10000) i");
  await client.query("checkpoint");
  const relation = Number(await scalar(client, "select pg_relation_filenode('p')"));
  const database = Number(await scalar(client, "select oid from pg_database where datname = 'postgres'"));
  await client.query("select pg_logical_emit_message(true, 'page', '')");
  const lsn = Lsn.parse(String(await scalar(client, "select pg_current_wal_flush_lsn()")));
  const bytes = (await scalar(client, "select get_raw_page('p', 3)")) as Buffer;
  page = { lsn, relation, database, bytes };
}

beforeAll(async () => {
  imageFile = join(root, "image");
  await bootstrapImage({ distribution: distribution(17), cacheDir, outFile: imageFile, identity });
  imageLsn = Lsn.parse((await readImageManifest(imageFile)).lsn);
  marks = [];
  const dataDir = directory("load");
  await unpackBase(streamBase({ imageFile, wal: { read: () => wal.read(0n, 0n) }, lsn: imageLsn }), dataDir);
  await giveTree(dataDir);
  walDir = join(dataDir, "pg_wal");
  await withServer(dataDir, async (client) => {
    await makeLoad(client);
    await rememberPage(client);
  });
  marks.push({ lsn: page.lsn, rows: marks.at(-1)?.rows ?? 0 });
}, 60_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("records", () => {
  test("are the same however the bytes come, and each names its predecessor", async () => {
    const whole: WalRecord[] = [];
    await records((record) => whole.push(record));
    const pieces: Lsn[] = [];
    await records((record) => pieces.push(record.end), 777);
    expect(whole.length).toBeGreaterThan(1000);
    expect(pieces).toEqual(whole.map((record) => record.end));
    whole.slice(1).forEach((record, index) => expect(record.prev).toBe(whole[index]?.lsn));
    expect(whole.at(-1)?.end).toBe(marks.at(-1)?.lsn);
  });

  test("include the checkpoints, the switch and the commits", async () => {
    const kinds = new Map<string, number>();
    await records((record) => {
      const fact = factOf(record);
      if (fact !== undefined) kinds.set(fact.kind, (kinds.get(fact.kind) ?? 0) + 1);
      if (fact?.kind === "commit")
        expect(Math.abs(Number(fact.timestampUs) / 1e6 + 946_684_800 - Date.now() / 1000)).toBeLessThan(600);
    });
    expect(kinds.get("switch")).toBe(1);
    expect(kinds.get("checkpoint")).toBeGreaterThanOrEqual(3);
    expect(kinds.get("commit")).toBeGreaterThan(5);
  });

  test("a flipped bit is found by the checksum, and a gap is refused", async () => {
    const first = await wal
      .read(imageLsn, marks[0]?.lsn ?? 0n)
      [Symbol.asyncIterator]()
      .next();
    const damaged = Buffer.from(first.value as Buffer);
    damaged.writeUInt8(damaged.readUInt8(5000) ^ 1, 5000);
    const options = { startLsn: imageLsn, walSegSize: SEGMENT, pgVersion: 17 as const, checkCrc: true };
    expect(() => new WalDecoder(options).push(imageLsn, damaged)).toThrow(WalFormatError);
    expect(() => new WalDecoder(options).push(imageLsn + 8n, damaged)).toThrow(/the next piece starts at/);
  });

  test("the end of WAL is the last whole record of the files", () => {
    const end = findEndOfWal(walDir, imageLsn, { walSegSize: SEGMENT, pgVersion: 17 });
    expect(end).toBeGreaterThanOrEqual(page.lsn);
    expect(end).toBeLessThan(page.lsn + BigInt(SEGMENT));
  });
});

test("WAL behind a record that Postgres itself found torn is decoded", { timeout: 30_000 }, async () => {
  const dataDir = directory("overwritten");
  const torn = await longRecord();
  await unpackBase(streamBase({ imageFile, wal, lsn: torn.end }), dataDir);
  await giveTree(dataDir);
  const files = [torn.lsn + 12_000n, torn.end].map((lsn) => join(dataDir, "pg_wal", segmentFileName(lsn, SEGMENT)));
  truncateSync(files[0] ?? "", segmentOffset(torn.lsn + 12_000n, SEGMENT));
  truncateSync(files[0] ?? "", SEGMENT);
  if (files[1] !== files[0]) rmSync(files[1] ?? "");
  await withServer(dataDir, (client) => client.query("create table after_crash()"));
  const seen: WalRecord[] = [];
  const options = { startLsn: imageLsn, walSegSize: SEGMENT, pgVersion: 17 as const };
  const decoder = new WalDecoder({ ...options, checkCrc: true, onRecord: (record) => seen.push(record) });
  const end = findEndOfWal(join(dataDir, "pg_wal"), imageLsn, options);
  for await (const piece of walIn(join(dataDir, "pg_wal")).read(imageLsn, end)) decoder.push(decoder.position, piece);
  const overwriting = seen.findIndex((record) => record.rmid === 0 && record.info === 0xd0);
  expect(seen[overwriting]?.prev).toBe(seen[overwriting - 1]?.lsn);
  expect(seen[overwriting - 1]?.end).toBe(torn.lsn);
  expect(seen.length).toBeGreaterThan(overwriting + 10);
});

async function longRecord(): Promise<{ lsn: Lsn; end: Lsn }> {
  let found: { lsn: Lsn; end: Lsn } | undefined;
  await records(({ length, lsn, end }) => (found = length > 20_000 && length < 40_000 ? { lsn, end } : found));
  if (found === undefined) throw new Error("the load has no long record");
  return found;
}

describe("a server started from image and WAL", () => {
  test("sees exactly what was committed at each mark, and continues the WAL there", { timeout: 60_000 }, async () => {
    for (const mark of marks.slice(0, 4)) {
      await startAt(mark.lsn, async (client) => {
        expect(await scalar(client, "select count(*)::int from t")).toBe(mark.rows);
      });
    }
  });

  test("starts at boundaries of every kind", { timeout: 60_000 }, async () => {
    const ends = await interestingBoundaries();
    expect([...ends.keys()]).toEqual(expect.arrayContaining(["image", "page end", "switch", "long", "8 bytes left"]));
    for (const lsn of ends.values()) await startAt(lsn);
  });

  test("refuses an LSN inside of a record", async () => {
    const dataDir = directory("torn");
    const lsn = (marks[1]?.lsn ?? 0n) - 8n;
    await expect(unpackBase(streamBase({ imageFile, wal, lsn }), dataDir)).rejects.toThrow(/no record ends at/);
  });
});

/** The image itself, a page's end, the segment's end after a switch, the end of a record of several pages. */
async function interestingBoundaries(): Promise<Map<string, Lsn>> {
  const found = new Map<string, Lsn>([["image", imageLsn]]);
  await records((record) => {
    if (record.end % 8192n === 0n && record.end % BigInt(SEGMENT) !== 0n) found.set("page end", record.end);
    if (record.rmid === 0 && (record.info & 0xf0) === 0x40) found.set("switch", record.end);
    if (record.length > 20_000) found.set("long", record.end);
    if (record.end % 8192n === 8184n) found.set("8 bytes left", record.end);
    if (record.lsn % BigInt(SEGMENT) === 40n) found.set("segment start", record.end);
  });
  return found;
}

function firstRecord(dataDir: string, lsn: Lsn): WalRecord | undefined {
  const seen: WalRecord[] = [];
  const decoder = new WalDecoder({
    startLsn: lsn,
    walSegSize: SEGMENT,
    pgVersion: 17,
    onRecord: (record) => seen.push(record),
  });
  const segment = readFileSync(join(dataDir, "pg_wal", segmentFileName(lsn, SEGMENT)));
  try {
    decoder.push(lsn, segment.subarray(segmentOffset(lsn, SEGMENT)));
  } catch (error) {
    if (!(error instanceof WalFormatError)) throw error;
  }
  return seen[0];
}

test("a materialised page is the server's page", { timeout: 30_000 }, async () => {
  const targetDir = directory("materialized");
  await materialize({
    distribution: distribution(17),
    imageFile,
    wal,
    lsn: page.lsn,
    targetDir,
    identity,
  });
  const files = new RelationFiles(targetDir, 17);
  const rel = { spcNode: 1663, dbNode: page.database, relNode: page.relation, forkNum: 0 };
  const materialized = await files.page(rel, 3);
  const differing = [...page.bytes.keys()].filter((offset) => materialized?.[offset] !== page.bytes[offset]);
  expect(differing).toEqual([]);
  expect(await files.page(rel, 1_000_000)).toBeUndefined();
  expect(await files.exists({ ...rel, relNode: 99_999 })).toBe(false);
  expect(await files.nblocks(rel)).toBeGreaterThan(90);
  expect(await files.dbSize(page.database)).toBeGreaterThan(7_000_000n);
  expect((await files.slruSegment(0, 0))?.length).toBeGreaterThanOrEqual(8192);
});
