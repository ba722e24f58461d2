import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { distribution, identity, programEnvironment } from "../../../testing";
import type { Lsn } from "../../../types";
import { unpackBase } from "../../pg/base-tar";
import { WalDecoder, WalFormatError } from "../../wal/decoder";
import type { TestPageserver } from "./test-pageserver";

let counter = 0;

/** Starts a Postgres from a base, runs SQL in it, and returns the WAL that it wrote: whole records from the base's end. */
export async function writeWal(
  server: TestPageserver,
  base: AsyncIterable<Buffer>,
  sql: string,
): Promise<{ start: Lsn; wal: Buffer }> {
  counter += 1;
  const dataDir = join(server.root, `pgdata-${counter}`);
  mkdirSync(dataDir, { mode: 0o700 });
  const facts = await unpackBase(base, dataDir);
  const start = facts.lsn;
  if (identity !== undefined) execFileSync("chown", ["-R", `${identity.uid}:${identity.gid}`, dataDir]);
  const run = spawnSync(distribution(17).postgres, ["--single", "-D", dataDir, "-c", "wal_keep_size=1GB", "postgres"], {
    ...identity,
    input: `${sql};\n`,
    env: programEnvironment,
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(`postgres --single failed: ${run.stderr}`);
  return { start, wal: wholeRecords(join(dataDir, "pg_wal"), start, facts.walSegSize) };
}

function wholeRecords(walDir: string, start: Lsn, walSegSize: number): Buffer {
  const segments = readdirSync(walDir).filter((name) => /^[0-9A-F]{24}$/.test(name));
  const bytes = Buffer.concat(segments.toSorted().map((name) => readFileSync(join(walDir, name))));
  const first = Number(start) - (Number(start) % walSegSize);
  const wal = bytes.subarray(Number(start) - first);
  const decoder = new WalDecoder({ startLsn: start, walSegSize, pgVersion: 17, checkCrc: true });
  try {
    decoder.push(start, wal);
  } catch (error) {
    if (!(error instanceof WalFormatError)) throw error;
  }
  return wal.subarray(0, Number(decoder.recordEnd - start));
}
