import { expect, requires, test, TimelineId } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";

const DROPPED = /request was dropped before completing|Cannot branch off the timeline that's not present in pageserver/;

/** Begins to make a timeline that stands still at the failpoint; the call ends when the pageserver is killed. */
async function stuckCreation(env: NeonEnv, failpoint: string, ancestor?: TimelineId): Promise<TimelineId> {
  env.pageserver.allowedErrors.push(DROPPED, /Failed to load index_part from remote storage/);
  const client = env.pageserver.httpClient();
  await client.pauseAt(failpoint);
  const timelineId = TimelineId.generate();
  const from = env.pageserver.logCursor();
  const branch = ancestor === undefined ? { pg_version: env.pgVersion } : { ancestor_timeline_id: ancestor };
  const creation = client.createTimeline(env.initialTenant, { new_timeline_id: timelineId, ...branch });
  void creation.catch(() => undefined);
  await env.pageserver.assertLogContains(new RegExp(`at failpoint ${failpoint}`), { from, budgetMs: 30_000 });
  return timelineId;
}

// covers: test_branching.py::test_cannot_branch_from_non_uploaded_branch
test(
  "a timeline that is not uploaded yet is not there, so nothing can branch from it",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const ancestor = await stuckCreation(env, "before-upload-index-pausable", env.initialTimeline);
    const client = env.pageserver.httpClient();
    const branch = { new_timeline_id: TimelineId.generate(), ancestor_timeline_id: ancestor };
    const refused = client.createTimeline(env.initialTenant, branch);
    await expect(refused).rejects.toThrow(
      /Cannot branch off the timeline that's not present|ancestor timeline is not active/,
    );
    await expect(client.timelineDetail(env.initialTenant, branch.new_timeline_id)).rejects.toThrow(/was not found/);
    await env.pageserver.stop({ immediate: true });
  },
);

// covers: test_branching.py::test_cannot_create_endpoint_on_non_uploaded_timeline
test(
  "a compute cannot start on a timeline that is not uploaded yet",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    env.pageserver.allowedErrors.push(/query handler for 'basebackup .* (ERROR: )?[Nn]ot found/);
    const timelineId = await stuckCreation(env, "before-upload-index-pausable", env.initialTimeline);
    env.mapBranch("early", { tenantId: env.initialTenant, timelineId });
    const compute = env.endpoints.createStart("early", { basebackupRequestTries: 2 });
    await expect(compute).rejects.toThrow(/not found/i);
    await env.pageserver.stop({ immediate: true });
  },
);

// covers: test_branching.py::test_non_uploaded_root_timeline_is_deleted_after_restart, test_branching.py::test_non_uploaded_branch_is_deleted_after_restart
test.for(["branch", "root timeline"])(
  "a %s that was not uploaded when the pageserver was killed is gone when it comes back",
  requires("failpoints"),
  async (kind, { neonSimpleEnv: env }) => {
    const ancestor = kind === "branch" ? env.initialTimeline : undefined;
    const lost = await stuckCreation(env, "before-upload-index-pausable", ancestor);
    await env.pageserver.kill9();
    await env.pageserver.start();
    const client = env.pageserver.httpClient();
    await expect(client.timelineDetail(env.initialTenant, lost)).rejects.toThrow(/not found/);
    const there = (await client.listTimelines(env.initialTenant)).map(({ timeline_id }) => timeline_id);
    expect(there).toEqual([env.initialTimeline]);
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t ()`;
  },
);

// covers: test_branching.py::test_duplicate_creation
test(
  "to make a timeline again that is there gives the same answer, one that is being made is refused",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const client = env.pageserver.httpClient();
    const done = { new_timeline_id: TimelineId.generate(), ancestor_timeline_id: env.initialTimeline };
    const first = await client.createTimeline(env.initialTenant, done);
    const stuck = await stuckCreation(env, "timeline-creation-after-uninit");
    const again = { new_timeline_id: stuck, pg_version: env.pgVersion };
    await expect(client.createTimeline(env.initialTenant, again)).rejects.toThrow(/creation of timeline .*in progress/);
    const second = await client.createTimeline(env.initialTenant, done);
    expect(second).toMatchObject({ timeline_id: first.timeline_id, ancestor_lsn: first.ancestor_lsn });
    await env.pageserver.kill9();
    await env.pageserver.start();
    await expect(client.timelineDetail(env.initialTenant, stuck)).rejects.toThrow(/not found/);
    expect(await client.listTimelines(env.initialTenant)).toHaveLength(2);
  },
);

// covers: test_branching.py::test_branching_unnormalized_start_lsn
test("a branch may begin at an LSN where no record begins", async ({ neonSimpleEnv: env }) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table t as select i, repeat('x', 100) as filler from generate_series(1, 5000) as i`;
  const head = await env.waitForLastFlushLsn(main);
  for (const [index, lsn] of [(head - 8192n) & ~8191n, head - 4n, head + 4n - 8n * 1000n].entries()) {
    await env.createBranch(`b${index}`, { lsn });
    const branch = await env.endpoints.createStart(`b${index}`);
    await branch.sql`create table u as select generate_series(1, 1000) as i`;
    await branch.restart();
    expect(await branch.sql`select count(*)::int as n from u`).toEqual([{ n: 1000 }]);
  }
});

// covers: test_branching.py::test_branching_with_pgbench
test("branches that are made one of the other under load are each a moment of their ancestor", async ({
  neonSimpleEnv: env,
}) => {
  const main = await env.endpoints.createStart("main");
  await main.sql`create table accounts as select i, 100 as balance from generate_series(1, 100) as i`;
  await main.sql`create table moves (i int)`;
  let stop = false;
  let moves = 0;
  const write = async (): Promise<void> => {
    await using session = await main.connect();
    while (!stop) {
      moves += 1;
      await session.query(
        `begin; update accounts set balance = balance + case i when ${1 + (moves % 50)} then -1 else 1 end
         where i in (${1 + (moves % 50)}, ${51 + (moves % 50)}); insert into moves values (${moves}); commit`,
      );
    }
  };
  const writing = write();
  const counts: number[] = [];
  try {
    for (const [name, from] of [
      ["a", "main"],
      ["b", "main"],
      ["c", "b"],
    ] as const) {
      const goal = moves + 20;
      await expect.poll(() => moves, { timeout: 20_000 }).toBeGreaterThan(goal);
      await env.waitForLastFlushLsn(main);
      await env.createBranch(name, { from });
      const branch = await env.endpoints.createStart(name);
      const [row] = await branch.sql`
        select (select sum(balance)::int from accounts) as sum, count(*)::int as n, max(i) as last from moves`;
      expect(row).toMatchObject({ sum: 10_000, n: row?.["last"] });
      counts.push(Number(row?.["n"]));
    }
  } finally {
    stop = true;
    await writing;
  }
  const [a, b, c] = counts as [number, number, number];
  expect(b).toBeGreaterThan(a);
  // The last one is a branch of the second, and so has nothing that came later.
  expect(c).toBe(b);
});
