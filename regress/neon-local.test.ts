import { readFileSync } from "node:fs";
import { expect, requires, TenantId, test, TimelineId } from "../fixtures";
import type { LocalRepo, PgVersion } from "../fixtures";

const local = requires("neon_local");

async function createTenant({ neonLocal, tenantId }: LocalRepo, pgVersion: PgVersion): Promise<TimelineId> {
  const timelineId = TimelineId.generate();
  await neonLocal.tenantCreate({ tenantId, timelineId, pgVersion, setDefault: true });
  return timelineId;
}

async function createEndpoint(repo: LocalRepo, id: string, branchName: string, pgVersion: PgVersion): Promise<number> {
  const [pgPort, httpPort] = [await repo.ports.next(), await repo.ports.next()];
  await repo.neonLocal.endpointCreate(id, { branchName, pgPort, httpPort, tenantId: repo.tenantId, pgVersion });
  return pgPort;
}

// covers: test_neon_local_cli.py::test_neon_cli_basics, test_neon_cli.py::test_cli_start_stop
test(
  "neon_local starts everything, makes tenants and branches, and stops everything",
  local,
  async ({ initLocalRepo, pgVersion }) => {
    const repo = await initLocalRepo();
    const { neonLocal, tenantId } = repo;
    expect((await neonLocal.start()).stdout).toContain("started and passed status check");
    const main = await createTenant(repo, pgVersion);
    expect(await neonLocal.tenantList()).toEqual([{ tenantId, state: "Active" }]);
    expect(await neonLocal.timelineList(tenantId)).toEqual([{ branchName: "main", timelineId: main }]);

    await createEndpoint(repo, "ep-main", "main", pgVersion);
    await neonLocal.endpointStart("ep-main");
    const child = TimelineId.generate();
    await neonLocal.timelineBranch({ tenantId, timelineId: child, branchName: "migration-check" });
    await createEndpoint(repo, "ep-child", "migration-check", pgVersion);
    await neonLocal.endpointStart("ep-child");
    const { stdout } = await neonLocal.endpointList(tenantId);
    expect(stdout).toMatch(/^\s*ENDPOINT\s+ADDRESS\s+TIMELINE\s+BRANCH NAME\s+LSN\s+STATUS/);
    for (const row of [/ep-main .* main .* running/, / ep-child .* migration-check .* running/]) {
      expect(stdout).toMatch(row);
    }
    await neonLocal.endpointStop("ep-child", { destroy: true });
    await neonLocal.endpointStop("ep-main");
    await neonLocal.stop();
    await expect(neonLocal.tenantList()).rejects.toThrow(/^COMMAND_FAILED/);
  },
);

// covers: test_neon_cli.py::test_cli_timeline_list, test_neon_cli.py::test_cli_tenant_list
test(
  "neon_local lists timelines and tenants as the pageserver's API does",
  local,
  async ({ initLocalRepo, pgVersion }) => {
    const repo = await initLocalRepo();
    const { neonLocal, tenantId } = repo;
    await neonLocal.start();
    const main = await createTenant(repo, pgVersion);
    const [child, grandchild] = [TimelineId.generate(), TimelineId.generate()];
    await neonLocal.timelineBranch({ tenantId, timelineId: child, branchName: "child" });
    const from = { ancestorBranchName: "child" };
    await neonLocal.timelineBranch({ tenantId, timelineId: grandchild, branchName: "grandchild", ...from });
    const expected = [
      { branchName: "main", timelineId: main },
      { branchName: "child", timelineId: child },
      { branchName: "grandchild", timelineId: grandchild },
    ];
    expect(await neonLocal.timelineList(tenantId)).toEqual(expected);

    const other = TenantId.generate();
    await neonLocal.tenantCreate({ tenantId: other, timelineId: TimelineId.generate(), pgVersion });
    const listed = (await neonLocal.tenantList()).map((tenant) => tenant.tenantId);
    expect(new Set(listed)).toEqual(new Set([tenantId, other]));
    await neonLocal.mappingsMapBranch("alias", tenantId, child);
  },
);

// covers: test_neon_cli.py::test_cli_start_stop_multi
test("neon_local starts and stops each of several nodes by itself", local, async ({ initLocalRepo }) => {
  const { neonLocal } = await initLocalRepo({ numPageservers: 2, numSafekeepers: 2 });
  await neonLocal.storageControllerStart();
  await neonLocal.storageBrokerStart();
  for (const id of [1, 2]) {
    await neonLocal.pageserverStart(id);
    await neonLocal.safekeeperStart(id);
  }
  expect((await neonLocal.pageserverStatus(2)).stdout).toContain("Page server is up and running");
  await neonLocal.pageserverRestart(2);
  await expect(neonLocal.pageserverStop(77)).rejects.toThrow(/could not find pageserver 77/);
  for (const id of [1, 2]) {
    await neonLocal.pageserverStop(id, { mode: "immediate" });
    await neonLocal.safekeeperStop(id);
  }
  await neonLocal.storageControllerStop();
  await neonLocal.storageBrokerStop();
  expect((await neonLocal.start()).exitCode).toBe(0);
  expect((await neonLocal.stop()).exitCode).toBe(0);
});

// covers: test_neon_local_cli.py::test_neon_two_primary_endpoints_fail
test("neon_local refuses a second running primary of a timeline", local, async ({ initLocalRepo, pgVersion }) => {
  const repo = await initLocalRepo();
  const { neonLocal, tenantId } = repo;
  await neonLocal.start();
  const timelineId = await createTenant(repo, pgVersion);
  await createEndpoint(repo, "ep1", "main", pgVersion);
  // The first one doesn't run yet.
  await createEndpoint(repo, "ep2", "main", pgVersion);
  await neonLocal.endpointStart("ep1");
  const refusal = `attempting to create a duplicate primary endpoint on tenant ${tenantId}, timeline ${timelineId}: endpoint "ep1" exists already. please don't do this, it is not supported.`;
  await expect(neonLocal.endpointStart("ep2")).rejects.toThrow(refusal);
  await neonLocal.endpointStop("ep1");
  await neonLocal.endpointStart("ep2");
  await neonLocal.endpointStop("ep2", { mode: "immediate" });
});

test("neon_local says what is wrong, and where it failed", local, async ({ initLocalRepo, pgVersion }) => {
  const repo = await initLocalRepo();
  const { neonLocal, tenantId } = repo;
  const failure = async (args: readonly string[]) => neonLocal.run(args, { check: false });
  expect(await failure(["no-such-command"])).toMatchObject({ exitCode: 2 });
  // Nothing runs, so nobody knows of tenants.
  expect(await failure(["tenant", "list"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("command failed:") as unknown,
  });
  await neonLocal.start();
  const timelineId = await createTenant(repo, pgVersion);
  const cases: [readonly string[], RegExp][] = [
    [["endpoint", "start", "nobody"], /endpoint nobody not found/],
    [["tenant", "config", "--tenant-id", tenantId, "-c", "bogus:1"], /Unrecognized tenant settings: \{"bogus": "1"\}/],
    [["timeline", "list", "--tenant-id", TenantId.generate()], /NotFound: tenant/],
    [
      ["mappings", "map", "--branch-name", "main", "--tenant-id", tenantId, "--timeline-id", TimelineId.generate()],
      new RegExp(`branch 'main' is already mapped to timeline ${timelineId}, cannot map to another timeline`),
    ],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stderr } = await failure(args);
    expect(exitCode, args.join(" ")).toBe(1);
    expect(stderr).toMatch(message);
  }
  expect(readFileSync(neonLocal.logPath("pageserver_1"), "utf8")).not.toMatch(/panicked/);
});
