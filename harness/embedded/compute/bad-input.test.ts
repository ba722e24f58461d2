import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { distribution, giveToNodes, makeTestDirectory, pgVersions } from "../../testing";
import type { ComputeProcess } from "./testing/compute-process";
import type { ComputeProcessOptions } from "./testing/compute-process";
import { useCluster } from "./testing/use-cluster";

const cluster = useCluster("compute-bad-input");

/** The start fails, /status says why in one line, nothing runs on, and compute_ctl ends when it is told. */
async function expectFailure(reason: RegExp, options: Partial<ComputeProcessOptions> = {}): Promise<ComputeProcess> {
  const compute = await cluster.spawnCompute({
    environment: { NEON_COMPUTE_TESTING_BASEBACKUP_RETRIES: "2" },
    ...options,
  });
  await expect(compute.untilStatus("running")).rejects.toThrow();
  expect(await compute.status()).toMatchObject({ status: "failed", error: expect.stringMatching(reason) as unknown });
  expect(compute.log).toMatch(/ ERROR could not start the compute node: /);
  expect(compute.log).not.toMatch(/^\s+at /m);
  await expect(compute.connect()).rejects.toThrow();
  compute.signal("SIGTERM");
  expect(await compute.exited).toBe(1);
  return compute;
}

test("a specification that is no JSON, or lacks what is needed, is named", async () => {
  await expectFailure(/^the specification .*spec-\d+\.json can't be used: .*JSON/, { specText: "{ half" });
  await expectFailure(/can't be used: missing field `format_version`$/, { specText: "{}" });
  const spec = { pageserver_connstring: "nowhere" };
  await expectFailure(/can't be used: pageserver_connstring: invalid value "nowhere"$/, { spec });
});

test("a Postgres that isn't there, or isn't one", async () => {
  await expectFailure(/^expected a Postgres at \/none\/postgres \(--pgbin\), but there is no such file$/, {
    pgbin: "/none/postgres",
  });
  await expectFailure(/^\/bin\/true --version says ".*", expected a Postgres$/, { pgbin: "/bin/true" });
});

test.runIf(pgVersions.includes(15))("a Postgres of another version than the timeline's", async () => {
  const { postgres } = distribution(15);
  await expectFailure(/^the timeline is of Postgres 17, but .*v15.* \(--pgbin\) is version 15/, { pgbin: postgres });
});

test("a base that ends early, is damaged, or is of another database", async () => {
  const from = /^failed to get the base image from pageserver \S+:\d+: /;
  cluster.mangle = (piece, position) => (position > 4_000_000 ? undefined : piece);
  await expectFailure(new RegExp(`${from.source}tar: the archive ends too early`));
  cluster.mangle = (piece, position) => (position === 0 ? Buffer.alloc(piece.length, 0x41) : piece);
  await expectFailure(new RegExp(`${from.source}tar: wrong header checksum`));
  cluster.mangle = (piece) =>
    Buffer.from(piece.toString("latin1").replace(/"systemId":"\d/, '"systemId":"0'), "latin1");
  await expectFailure(new RegExp(`${from.source}the base is of system \\d+, not \\d+`));
});

test("WAL that can't be replayed to its end does not become an older database", async () => {
  const first = await cluster.startCompute();
  await first.query("create table t as select generate_series(1, 1000) as i");
  const [[lsn]] = (await first.query("select pg_current_wal_flush_lsn()")) as [[string]];
  first.signal("SIGQUIT");
  await first.exited;
  // One bit of a row, as it stands in the WAL, which comes behind the image.
  let isWal = false;
  cluster.mangle = (piece) => {
    isWal ||= piece.toString("latin1", 0, 7) === "pg_wal/" && piece.length === 512;
    const at = isWal ? piece.indexOf(Buffer.from([0xf4, 0x01, 0, 0])) : -1;
    if (at > 0) piece.writeUInt8(0xf5, at);
    return piece;
  };
  const rows = new RegExp(
    `Postgres came up at .*, its WAL should reach |first record at .* is not a shutdown checkpoint`,
  );
  await expectFailure(rows);
  isWal = false;
  const older = /^Postgres has replayed its WAL up to .* only, it reaches /;
  await expectFailure(older, { spec: { mode: { Static: lsn } }, conf: ["synchronous_standby_names=''"] });
  cluster.mangle = (piece) => piece;
  const second = await cluster.startCompute();
  expect(await second.query("select count(*) from t")).toEqual([["1000"]]);
});

test("a disk without room for the database", async ({ skip }) => {
  const disk = makeTestDirectory("compute-tiny-disk");
  onTestFinished(() => rmSync(disk, { recursive: true, force: true }));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m,mode=755", "neon-test", disk]);
  if (mounted.status !== 0) return skip("only root can mount a small disk");
  onTestFinished(() => void spawnSync("umount", ["--lazy", disk]));
  giveToNodes(disk);
  await expectFailure(/^no space left for the database in .*: make room, or put the data directory elsewhere$/, {
    dataParent: disk,
  });
});
