import { readdirSync } from "node:fs";
import { availableRemoteStorages, describe, expect, requires, test } from "../../fixtures";

/** What the original's tests of offloading use: everything happens soon. */
const SOON = [
  ...["--enable-offload", "--delete-offloaded-wal", "--partial-backup-timeout", "500ms"],
  ...["--control-file-save-interval", "1s", "--eviction-min-resident", "500ms"],
];

const isSegment = (name: string): boolean => /^[0-9A-F]{24}/.test(name);

describe.each(availableRemoteStorages())("%s", (kind) => {
  // covers: test_wal_acceptor.py::test_wal_backup
  test(
    "safekeepers upload whole segments and the last, partial one; a timeline that left the disk comes back",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder
        .with({ safekeeperExtraOptions: SOON })
        .enablePageserverRemoteStorage(kind)
        .enableSafekeeperRemoteStorage(kind)
        .initStart();
      const { safekeepersRemoteStorage: storage, initialTenant: tenant, initialTimeline: timeline } = env;
      const path = storage.segmentPath(tenant, timeline);
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t (i int)`;
      for (const n of [1, 2, 3]) {
        await endpoint.sql`insert into t values (${n}::int)`;
        await endpoint.sql`select pg_switch_wal()`;
      }
      await endpoint.sql`insert into t values (4)`;
      const whole = /\/[0-9A-F]{24}$/;
      await storage.waitFor("three segments", path, (all) => all.filter(({ key }) => whole.test(key)).length >= 3, {
        budgetMs: 30_000,
      });
      await endpoint.stop();
      // A timeline is idle when the pageserver has all of it in its own storage, what Postgres wrote at its end too.
      const [safekeeper] = env.safekeepers;
      const end = (await safekeeper?.commitLsn(tenant, timeline)) ?? 0n;
      const client = env.pageserver.httpClient();
      await expect.poll(() => client.lastRecordLsn(tenant, timeline)).toBeGreaterThanOrEqual(end);
      await client.checkpoint(tenant, timeline, { waitUntilUploaded: true });
      const partial = /\/[0-9A-F]{24}_\d+_[0-9A-F]{16}_[0-9A-F]{16}_sk1\.partial$/;
      await storage.waitFor("a partial segment", path, (all) => all.some(({ key }) => partial.test(key)));
      const onDisk = () => readdirSync(safekeeper?.timelineDir(tenant, timeline) ?? "").filter(isSegment);
      await expect.poll(onDisk, { timeout: 30_000, message: "the segments leave the disk" }).toEqual([]);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 4 }]);
      await endpoint.sql`insert into t values (5)`;
    },
  );
});
