import { cpSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { create } from "tar";
import { TenantId, TimelineId } from "../types";
import { compareDataDirectory } from "./compare-data-directory";

const settings = { tenantId: TenantId.parse("1".repeat(32)), timelineId: TimelineId.parse("2".repeat(32)) };
const FILES = {
  PG_VERSION: "17",
  "base/5/PG_VERSION": "17",
  "base/5/pg_filenode.map": "map",
  "base/5/16384_init": "unlogged",
  "global/pg_filenode.map": "map",
  "pg_multixact/members/0000": "members",
  "pg_multixact/offsets/0000": "offsets",
  "pg_twophase/000002F1": "prepared",
  "pg_xact/0000": "commits",
};
/** What a compute, or a basebackup, may have as it likes. */
const OTHERS = { "base/5/1259": "pg_class", "base/5/t3_16999": "temporary", "pg_wal/1": "wal", "pg_stat/x": "x" };

let compute: string;
let backup: string;
let commands: string[];

beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), "compare-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  [compute, backup, commands] = [join(root, "pgdata"), join(root, "backup"), []];
  for (const [path, text] of Object.entries(FILES)) write(compute, path, text);
  cpSync(compute, backup, { recursive: true });
  for (const [path, text] of Object.entries(OTHERS)) write(compute, path, text);
  write(backup, "zenith.signal", "PREV LSN");
  const control = Buffer.alloc(64);
  control.writeBigUInt64LE(0x1_02345678n, 32);
  write(compute, "global/pg_control", control);
});

function write(root: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

const endpoint = () => ({ name: "ep-1", pgdata: compute, settings, stop: async () => void commands.push("stop") });
const pageserver = () => ({
  name: "pageserver-1",
  connect: async () => ({
    copyOut: (command: string): AsyncIterable<Buffer> => {
      commands.push(command);
      return create({ cwd: backup }, ["."]) as AsyncIterable<Buffer>;
    },
    destroy: () => void commands.push("destroy"),
  }),
});

test("a data directory that is what the pageserver has", async () => {
  expect(await compareDataDirectory(endpoint(), pageserver())).toBe(Object.keys(FILES).length);
  const command = `basebackup ${settings.tenantId} ${settings.timelineId} 1/2345678`;
  expect(commands).toEqual(["stop", command, "destroy"]);
});

test.for([
  {
    name: "a changed byte",
    spoil: () => write(backup, "pg_xact/0000", "comMits"),
    says: "pg_xact/0000: differs from byte 3 on",
  },
  {
    name: "a short file",
    spoil: () => truncateSync(join(backup, "pg_multixact/offsets/0000"), 3),
    says: "offsets/0000: 7 bytes, 3 in the basebackup; differs from byte 3 on",
  },
  { name: "a long file", spoil: () => write(backup, "base/5/16384_init", "unlogged!"), says: "the rest is alike" },
  {
    name: "a file too few",
    spoil: () => rmSync(join(backup, "pg_twophase/000002F1")),
    says: "pg_twophase/000002F1: not in the basebackup",
  },
  {
    name: "a file too many",
    spoil: () => write(backup, "base/6/pg_filenode.map", "map"),
    says: "base/6/pg_filenode.map: only in the basebackup",
  },
])("a basebackup with $name is told", async ({ spoil, says }) => {
  spoil();
  await expect(compareDataDirectory(endpoint(), pageserver())).rejects.toThrow(says);
});

test.for([
  { version: "15", spoilt: 3, isAlike: true },
  { version: "15", spoilt: 8, isAlike: false },
  { version: "16", spoilt: 3, isAlike: false },
])("PostgreSQL $version, byte $spoilt of an unlogged relation's beginning", async ({ version, spoilt, isAlike }) => {
  for (const root of [compute, backup]) write(root, "PG_VERSION", version);
  const page = Buffer.alloc(2 * 8192);
  write(compute, "base/5/16384_init", page);
  page[8192 + spoilt] = 1;
  write(backup, "base/5/16384_init", page);
  const compared = compareDataDirectory(endpoint(), pageserver());
  if (isAlike) expect(await compared).toBeGreaterThan(0);
  else await expect(compared).rejects.toThrow(`base/5/16384_init: differs from byte ${8192 + spoilt} on`);
});
