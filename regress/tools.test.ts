import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, requires, test } from "../fixtures";

test(
  "pagectl reads the index of a timeline in remote storage",
  requires("pagectl"),
  async ({ neonSimpleEnv: env, pagectl }) => {
    const { initialTenant, initialTimeline } = env;
    const remote = env.pageserverRemoteStorage;
    const [newest] = (await remote.indexGenerations(initialTenant, initialTimeline)).toReversed();
    const file = join(env.repoDir, "index_part.json");
    writeFileSync(file, await remote.read(newest?.key ?? "no index"));
    const dump = await pagectl.dumpIndexPart(file);
    const timeline = await env.pageserver.httpClient().timelineDetail(initialTenant, initialTimeline);
    expect(dump.disk_consistent_lsn).toBe(timeline.remote_consistent_lsn_visible);
    const layers = await remote.layerKeys(initialTenant, initialTimeline);
    expect(Object.keys(dump.layer_metadata)).toHaveLength(layers.length);
  },
);

// covers: test_crafted_wal_end.py::test_crafted_wal_end
test(
  "wal_craft writes WAL that ends at a page's end, and a compute comes back from it",
  requires("wal_craft"),
  async ({ neonSimpleEnv: env, walCraft }) => {
    const endpoint = await env.endpoints.createStart("main", { configLines: await walCraft.postgresConfig() });
    await endpoint.sql`create table keys (key int primary key)`;
    await walCraft.inExisting("last_wal_record_xlog_switch_ends_on_page_boundary", endpoint.connstr);
    await endpoint.stop();
    await endpoint.start();
    await endpoint.sql`insert into keys values (1)`;
    await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select key from keys`).toEqual([{ key: 1 }]);
  },
);
