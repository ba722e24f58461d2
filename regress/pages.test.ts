import { expect, Lsn, PagestreamClient, requires, test } from "../fixtures";

interface Relation {
  name: string;
  database: number;
  filenode: number;
}

/** The pages of a relation's main fork as of `lsn`, as the pageserver gives them. */
async function pagesAt(client: PagestreamClient, relation: Relation, lsn: Lsn): Promise<Buffer[]> {
  const rel = { spcNode: 1663, dbNode: relation.database, relNode: relation.filenode, forkNum: 0 };
  const at = { requestLsn: lsn, notModifiedSince: lsn };
  const size = await client.request({ ...at, kind: "nblocks", rel });
  if (size.kind !== "nblocks") throw new Error(`nblocks answered ${JSON.stringify(size)}`);
  const answers = Array.from({ length: size.nblocks }, (_, blkno) =>
    client.request({ ...at, kind: "getpage", rel, blkno }),
  );
  return (await Promise.all(answers)).map((answer) => {
    if (answer.kind !== "getpage") throw new Error(`getpage answered ${JSON.stringify(answer)}`);
    return answer.page;
  });
}

/** How many bytes differ, page by page; nothing where all are the same. */
function differences(found: readonly Buffer[], expected: readonly Buffer[]): string[] {
  return expected.flatMap((page, blkno) => {
    const bytes = [...page.keys()].filter((at) => page[at] !== found[blkno]?.[at]);
    return bytes.length === 0 ? [] : [`page ${blkno}: bytes ${bytes.slice(0, 10).join(", ")}`];
  });
}

// covers: test_read_validation.py::test_read_validation
test(
  "pages at several LSNs are those that a compute at that LSN has",
  requires("static_endpoints"),
  async ({ neonSimpleEnv: env }) => {
    const main = await env.endpoints.createStart("main", { configLines: ["autovacuum = off"] });
    await main.sql`create extension pageinspect`;
    // Nobody reads it, for that would leave hint bits on the pages which the WAL knows nothing of.
    await main.sql`create table t (i int primary key, filler text)`;
    const lsns: Lsn[] = [];
    const steps = [
      "insert into t select i, repeat('a', 100) from generate_series(1, 2000) as i",
      "update t set filler = repeat('b', 150) where i % 7 = 0",
      "delete from t where i > 1500",
      "vacuum t",
      "insert into t select i, repeat('c', 300) from generate_series(3000, 3500) as i",
    ];
    for (const step of steps) {
      await main.query(step);
      lsns.push(await main.flushLsn());
    }
    await env.waitForLastFlushLsn(main);
    const relations = await main.sql`
      select relname as name, pg_relation_filenode(oid)::int as filenode,
             (select oid::int from pg_database where datname = current_database()) as database
      from pg_class where relname in ('t', 't_pkey')`;

    const { initialTenant: tenantId, initialTimeline: timelineId } = env;
    const address = { host: "127.0.0.1", port: env.pageserver.pgPort };
    const client = await PagestreamClient.connect({ ...address, tenantId, timelineId, version: 3 });
    try {
      for (const lsn of lsns) {
        const past = await env.endpoints.createStart("main", { lsn });
        for (const relation of relations as unknown as Relation[]) {
          const found = await pagesAt(client, relation, lsn);
          const rows = await past.query(
            "select get_raw_page($1::text, n) as page from generate_series(0, pg_relation_size($1::text::regclass)::int / 8192 - 1) as n order by n",
            [relation.name],
          );
          const where = `${relation.name} at ${Lsn.format(lsn)}`;
          expect(found.length, where).toBe(rows.length);
          expect(
            differences(
              found,
              rows.map(({ page }) => page as Buffer),
            ),
            where,
          ).toEqual([]);
        }
        await past.stop();
      }
    } finally {
      client.close();
    }
  },
);
