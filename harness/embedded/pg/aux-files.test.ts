import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeTestDirectory } from "../../testing";
import type { Lsn } from "../../types";
import { WAL_PAGE_SIZE } from "../wal/constants";
import { segmentFileName, segmentStart } from "../wal/segments";
import { SEGMENT, WalWriter } from "../wal/wal-writer.test-data";
import { readAuxFiles, replayAuxFiles } from "./aux-files";

const root = makeTestDirectory("aux-files");
afterAll(() => rmSync(root, { recursive: true, force: true }));

const START = 5 * SEGMENT + 40;

/** The body of a record that pg_logical_emit_message would write. */
function message(prefix: string, content: string): Buffer {
  const head = Buffer.alloc(24);
  head.writeBigUInt64LE(BigInt(prefix.length + 1), 8);
  head.writeBigUInt64LE(BigInt(content.length), 16);
  return Buffer.concat([head, Buffer.from(`${prefix}\0${content}`)]);
}

let count = 0;

/** Replays what was written, in a directory that has it as segment files. */
function replay(wal: WalWriter, until = BigInt(wal.at), imageLsn: Lsn = BigInt(START)): Record<string, string> {
  const dataDir = join(root, `data-${(count += 1)}`);
  mkdirSync(join(dataDir, "pg_wal"), { recursive: true });
  const first = Number(segmentStart(BigInt(START), SEGMENT));
  const all = Buffer.concat([Buffer.alloc(START - first), wal.bytes, Buffer.alloc(SEGMENT)]);
  for (let at = 0; at + SEGMENT <= all.length; at += SEGMENT) {
    const name = segmentFileName(BigInt(first + at), SEGMENT);
    writeFileSync(join(dataDir, "pg_wal", name), all.subarray(at, at + SEGMENT));
  }
  const facts = { lsn: until, imageLsn, systemId: 7n, walSegSize: SEGMENT, pgVersion: 17 as const, prevRecord: 0n };
  replayAuxFiles(dataDir, facts);
  return Object.fromEntries([...readAuxFiles(dataDir)].map(([name, bytes]) => [name, bytes.toString()]));
}

test("files come and go with the WAL, up to where it ends", () => {
  const wal = new WalWriter(START);
  wal.logicalMessage(message("neon-file:pg_replslot/s/state", "one"));
  wal.record(5000);
  const before = wal.logicalMessage(message("neon-file:a", "A")).end;
  wal.logicalMessage(message("other:b", "B"));
  wal.logicalMessage(message("neon-file:a", ""));
  wal.logicalMessage(message("neon-file:pg_replslot/s/state", "two"));
  expect(replay(wal)).toEqual({ "pg_replslot/s/state": "two" });
  expect(replay(wal, before)).toEqual({ "pg_replslot/s/state": "one", a: "A" });
  expect(replay(wal, BigInt(wal.at), before)).toEqual({ "pg_replslot/s/state": "two" });
});

test("a message is found wherever a page's or a segment's end falls into it", () => {
  for (let room = 8; room <= 120; room += 8) {
    const wal = new WalWriter(START);
    wal.record(9000);
    wal.recordUpTo(room);
    wal.logicalMessage(message("neon-file:page", String(room)));
    // Far enough that nothing of it is decoded because of the first message.
    for (const far = wal.at + 2 * SEGMENT; wal.at < far;) wal.record(4000);
    while (SEGMENT - (wal.at % SEGMENT) > WAL_PAGE_SIZE) wal.record(4000);
    wal.recordUpTo(room);
    wal.logicalMessage(message("neon-file:segment", String(room)));
    wal.record(3 * SEGMENT);
    wal.logicalMessage(message("neon-file:behind", String(room)));
    wal.record(100);
    expect(replay(wal)).toEqual({ page: String(room), segment: String(room), behind: String(room) });
  }
});

test("a file can't leave its directory", () => {
  const wal = new WalWriter(START);
  for (const name of ["../out", "/etc/out", "a/../../out", ".", "in/side"]) {
    wal.logicalMessage(message(`neon-file:${name}`, "x"));
  }
  expect(replay(wal)).toEqual({ "in/side": "x" });
});
