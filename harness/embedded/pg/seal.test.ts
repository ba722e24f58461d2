import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cacheDir, distribution, giveToNodes, identity, makeTestDirectory } from "../../testing";
import { Lsn } from "../../types";
import { streamBase, unpackBase } from "./base-tar";
import type { WalSource } from "./base-tar";
import { bootstrapImage, readImageManifest } from "./image";
import { materialize } from "./materialize";
import { sealImage } from "./seal";
import { giveTree, scalar, walIn, withServer } from "./testing/server";

const PAGE = 8192;
const STATE = `select md5(string_agg(t::text, ',' order by i, filler)) || coalesce((select string_agg(gid, ' ') from p), '') from t`;
const PREPARED = `select coalesce(string_agg(gid, ' ' order by gid), '') from pg_prepared_xacts`;

interface Mark {
  lsn: Lsn;
  rows: string;
  prepared: string;
}

const root = makeTestDirectory("seal");
const marks: Mark[] = [];
const images: string[] = [];
let wal: WalSource;

function directory(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { mode: 0o700 });
  giveToNodes(path);
  return path;
}

async function mark(client: Client): Promise<void> {
  const [rows, prepared] = [String(await scalar(client, STATE)), String(await scalar(client, PREPARED))];
  await client.query("select pg_logical_emit_message(true, 'mark', '')");
  marks.push({ lsn: Lsn.parse(String(await scalar(client, "select pg_current_wal_flush_lsn()"))), rows, prepared });
}

/** Four marks, with prepared transactions before, between and behind the checkpoints that images are cut at. */
async function makeLoad(client: Client): Promise<void> {
  const prepare = async (gid: string): Promise<void> => {
    await client.query("begin");
    await client.query(`insert into p values ('${gid}')`);
    await client.query(`prepare transaction '${gid}'`);
  };
  await client.query("create extension amcheck");
  await client.query("create table t as select i, repeat('x', 100) as filler from generate_series(1, 5000) i");
  await client.query("create index on t (i)");
  await client.query("create table p (gid text)");
  await prepare("early");
  await mark(client);
  await client.query("checkpoint");
  await client.query("delete from t where i % 3 = 0");
  await prepare("between");
  await client.query("create database copied strategy file_copy");
  await client.query("insert into t select i, 'y' from generate_series(1, 5000) i");
  await mark(client);
  await client.query("vacuum full pg_class");
  await client.query("create table gone as select i from generate_series(1, 3000) i");
  await client.query("checkpoint");
  await client.query("drop table gone");
  await client.query("update t set filler = 'z' where i % 5 = 0");
  await prepare("late");
  await mark(client);
  await client.query("commit prepared 'early'");
  await client.query("rollback prepared 'between'");
  await client.query("truncate t");
  await client.query("insert into t select i, 'w' from generate_series(1, 700) i");
  await mark(client);
}

/** Newest LSN on any page of the data directory's tables and indexes. */
function newestPage(dataDir: string): Lsn {
  let newest = 0n;
  for (const name of readdirSync(join(dataDir, "base"), { recursive: true, encoding: "utf8" })) {
    if (!/\/\d+(_vm)?$/.test(name)) continue;
    const file = readFileSync(join(dataDir, "base", name));
    for (let at = 0; at < file.length; at += PAGE) {
      const lsn = (BigInt(file.readUInt32LE(at)) << 32n) | BigInt(file.readUInt32LE(at + 4));
      if (lsn > newest) newest = lsn;
    }
  }
  return newest;
}

/** An image at a mark, built from the one before it. */
async function nextImage(at: Mark | undefined): Promise<string> {
  const sourceFile = images.at(-1) ?? "";
  const lsn = at?.lsn ?? 0n;
  const targetDir = directory(`materialized-${images.length}`);
  const outFile = join(root, `image-${images.length}`);
  await materialize({ distribution: distribution(17), imageFile: sourceFile, wal, lsn, targetDir, identity });
  expect(newestPage(targetDir)).toBeLessThanOrEqual(lsn);
  await sealImage({ dataDir: targetDir, source: await readImageManifest(sourceFile), lsn, outFile });
  rmSync(targetDir, { recursive: true });
  return outFile;
}

beforeAll(async () => {
  const first = join(root, "image-0");
  await bootstrapImage({ distribution: distribution(17), cacheDir, outFile: first, identity });
  const lsn = Lsn.parse((await readImageManifest(first)).lsn);
  images.push(first);
  const dataDir = directory("load");
  await unpackBase(streamBase({ imageFile: first, wal: walIn(join(dataDir, "pg_wal")), lsn }), dataDir);
  await giveTree(dataDir);
  await withServer(dataDir, makeLoad);
  wal = walIn(join(dataDir, "pg_wal"));
  for (const at of marks.slice(0, 3)) images.push(await nextImage(at));
}, 60_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

test("an image says where recovery begins, and repeats the settings of the server whose WAL it is made of", async () => {
  const manifests = await Promise.all(images.map(readImageManifest));
  expect(manifests.slice(1).map(({ lsn }) => Lsn.parse(lsn))).toEqual(marks.slice(0, 3).map(({ lsn }) => lsn));
  const redos = manifests.map(({ redo }) => Lsn.parse(redo));
  // The first mark has only the checkpoint of the server's start before it, each later one a checkpoint of its own.
  expect(redos[1]).toBe(Lsn.parse(manifests[0]?.lsn ?? ""));
  expect(redos[2]).toBeGreaterThan(marks[0]?.lsn ?? 0n);
  expect(redos[3]).toBeGreaterThan(marks[1]?.lsn ?? 0n);
  const MAX_PREPARED = 192;
  const control = Buffer.from(manifests[3]?.control ?? "", "base64");
  expect(control.readInt32LE(MAX_PREPARED)).toBe(10);
});

/** Tables and indexes are whole, and the settings and transactions are those of the mark. */
async function check(client: Client, at: Mark | undefined): Promise<void> {
  expect(await scalar(client, "select timeline_id from pg_control_checkpoint()")).toBe(1);
  expect(await scalar(client, STATE)).toBe(at?.rows);
  expect(await scalar(client, PREPARED)).toBe(at?.prepared);
  await client.query(`select bt_index_check(c.oid, true) from pg_class c join pg_am a on a.oid = c.relam
    where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p'`);
  const broken = await client.query(`select c.relname, v.msg
    from pg_class c, verify_heapam(c.oid, check_toast => true) v where c.relkind in ('r', 't', 'm')`);
  expect(broken.rows).toEqual([]);
}

test.each([
  [1, 0],
  [1, 3],
  [2, 1],
  [2, 3],
  [3, 2],
  [3, 3],
])("from image %d a server starts at mark %d", { timeout: 30_000 }, async (image, target) => {
  const at = marks[target];
  const dataDir = directory(`start-${image}-${target}`);
  const imageFile = images[image] ?? "";
  await unpackBase(streamBase({ imageFile, wal, lsn: at?.lsn ?? 0n }), dataDir);
  await giveTree(dataDir);
  await withServer(dataDir, (client) => check(client, at));
  rmSync(dataDir, { recursive: true });
});

test("an image serves nothing older than itself", async () => {
  const base = streamBase({ imageFile: images[2] ?? "", wal, lsn: marks[0]?.lsn ?? 0n });
  await expect(unpackBase(base, directory("too-old"))).rejects.toThrow(/serves from/);
});
