import type { NeonEnv } from "../../../harness/env";
import type { Endpoint } from "../../../harness/nodes";
import { runPageLoad } from "../../../harness/benchmark";
import { Lsn, randomFrom } from "../../../harness/types";
import { PagestreamClient } from "../../../harness/wire";
import type { RelTag } from "../../../harness/wire";
import { type Measurement, MEGABYTE, seconds } from "./measurement";

const IN_FLIGHT = 64;
const DURATION_MS = 1000;
/** Rows of pgbench's width, so that random updates touch many pages. */
const ROWS = 700_000;

async function relation(endpoint: Endpoint, name: string): Promise<{ rel: RelTag; pages: number }> {
  const [row] = await endpoint.query(
    `select pg_relation_filenode($1)::int as node, (select oid::int from pg_database where datname = current_database()) as db,
       (pg_relation_size($1) / 8192)::int as pages`,
    [name],
  );
  const { node, db, pages } = row as { node: number; db: number; pages: number };
  return { rel: { spcNode: 1663, dbNode: db, relNode: node, forkNum: 0 }, pages };
}

const addressOf = (env: NeonEnv) => ({
  host: "127.0.0.1",
  port: env.pageserver.pgPort,
  tenantId: env.initialTenant,
  timelineId: env.initialTimeline,
});

/** Reading pages: from an image that is there, and for the first time at a new LSN. */
export const getPage: Measurement = {
  name: "getpage",
  rounds: 3,
  run: (bench) =>
    bench.withEnv({}, async (env) => {
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.query(
        `create table accounts as select i as id, i % 7 as branch, repeat('x', 84) as filler from generate_series(1, ${ROWS}) i`,
      );
      await endpoint.query("create index on accounts (id)");
      await endpoint.query("checkpoint");
      await env.waitForLastFlushLsn(endpoint);
      const http = env.pageserver.httpClient();
      await http.checkpoint(env.initialTenant, env.initialTimeline, { forceImageLayerCreation: true });
      const before = await endpoint.flushLsn();
      for (let now = before, n = 0; now - before < 50n * BigInt(MEGABYTE); n += 1) {
        await endpoint.query("update accounts set branch = branch + 1 where id % 101 = $1", [n % 101]);
        now = await endpoint.flushLsn();
      }
      await env.waitForLastFlushLsn(endpoint);
      const lsn = Lsn.parse((await http.timelineDetail(env.initialTenant, env.initialTimeline)).last_record_lsn);
      const { rel, pages } = await relation(endpoint, "accounts");
      await endpoint.stop();
      const client = await PagestreamClient.connect({ ...addressOf(env), version: 3 });
      const [first] = await seconds(() =>
        client.request({ kind: "getpage", rel, blkno: 0, requestLsn: lsn, notModifiedSince: lsn }),
      );
      client.close();
      const { perSecond } = await runPageLoad(
        { ...addressOf(env), rel, pages, lsn },
        { clients: 1, load: { depth: IN_FLIGHT }, durationMs: DURATION_MS, random: randomFrom(1) },
      );
      return [
        { name: "GetPage from a materialised image, pipelined", value: perSecond, unit: "pages/s", atLeast: 25_000 },
        { name: "first GetPage, 100 MB database, 50 MB of WAL", value: first, unit: "s", atMost: 1.5 },
      ];
    }),
};
