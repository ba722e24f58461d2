import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { giveToNodes } from "../../testing";
import { Lsn, TenantId, TimelineId } from "../../types";
import { pollUntil } from "../../wait";
import { announce, FakeSafekeeper } from "./testing/fake-safekeeper";
import { PagestreamClient } from "./testing/pagestream-client";
import { TestPageserver } from "./testing/test-pageserver";
import { writeWal } from "./testing/write-wal";

const PG_CLASS = { spcNode: 1663, dbNode: 5, relNode: 1259, forkNum: 0 };
const MEGABYTE = 1024 * 1024;

/** Takes all of a disk but `left` bytes. */
function fill(path: string, disk: string, left: number): void {
  const { bavail, bsize } = statfsSync(disk);
  const fd = openSync(path, "w");
  const piece = Buffer.alloc(64 * 1024);
  for (let rest = bavail * bsize - left; rest > 0; rest -= piece.length) writeSync(fd, piece);
  closeSync(fd);
}

test("a full disk stops the WAL, not the node; with room again all of it comes", async ({ skip }) => {
  const server = new TestPageserver();
  const safekeeper = new FakeSafekeeper();
  onTestFinished(() => server.cleanUp());
  onTestFinished(() => safekeeper.stop());
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=200m,mode=755", "neon-test", server.dir]);
  if (mounted.status !== 0) return skip("only root can mount a small disk");
  onTestFinished(() => void spawnSync("umount", ["--lazy", server.dir]));
  giveToNodes(server.dir);

  const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
  const timelinePath = `/v1/tenant/${tenantId}/timeline/${timelineId}`;
  const lastRecord = async () =>
    Lsn.parse(((await server.http("GET", timelinePath)).json as { last_record_lsn: string }).last_record_lsn);
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, timelineId);
  await safekeeper.listen();
  const base = (await server.connect()).copyOut(`stockbackup ${tenantId} ${timelineId} latest`);
  const elsewhere = { root: server.remoteDir } as TestPageserver;
  const written = await writeWal(elsewhere, base, "create table t as select generate_series(1, 100000) as i");
  expect(written.wal.length).toBeGreaterThan(5 * MEGABYTE);
  const ballast = join(server.dir, "ballast");
  fill(ballast, server.dir, 2 * MEGABYTE);
  safekeeper.serve(written.start, written.wal);
  const news = announce(server, safekeeper, { tenantId, timelineId });
  onTestFinished(() => news.stop());

  await pollUntil("the refusal", () => /ENOSPC/.test(server.log), { budgetMs: 10_000 });
  const stopped = await lastRecord();
  expect(stopped).toBeGreaterThan(written.start);
  expect(stopped).toBeLessThan(safekeeper.commitLsn);
  // What it has it makes a layer of; an image has no room.
  expect((await server.http("PUT", `${timelinePath}/checkpoint?compact=false&wait_until_uploaded=true`)).status).toBe(
    200,
  );
  const image = await server.http("PUT", `${timelinePath}/compact?force_image_layer_creation=true`);
  expect(image).toMatchObject({ status: 500, text: expect.stringMatching(/No space left on device|ENOSPC/) });
  expect((await server.http("GET", "/v1/status")).status).toBe(200);

  rmSync(ballast);
  await pollUntil("all of the WAL", async () => (await lastRecord()) === safekeeper.commitLsn, { budgetMs: 10_000 });
  const client = await PagestreamClient.open(await server.connect(), tenantId, timelineId);
  expect(await client.ask({ kind: "nblocks", rel: PG_CLASS })).toMatchObject({ kind: "nblocks" });
  const complaints = server.complaints().filter((line) => line.includes("ENOSPC"));
  expect(complaints.length, complaints.join("\n")).toBeLessThan(4);
});
