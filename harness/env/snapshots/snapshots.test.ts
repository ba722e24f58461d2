import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { embeddedEngine } from "../../nodes/testing/stand-ins";
import { PortPool } from "../../ports";
import { makeTestDirectory } from "../../testing";
import { TenantId, TimelineId } from "../../types";
import { NeonEnvBuilder } from "../neon-env-builder";
import { repoConfigText } from "../repo-config";
import { defaultSettings } from "../settings";
import { TestDirectory } from "../test-directory";
import { withBuildLock } from "./build-lock";
import { sharedSnapshot, snapshotKey } from "./snapshot";

function directory(): string {
  const dir = makeTestDirectory("neon-snapshots");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("of many that want a snapshot at once, one builds it, and all get it whole", async () => {
  const path = join(directory(), "shared", "one");
  let builds = 0;
  const make = async (draft: string): Promise<void> => {
    builds += 1;
    writeFileSync(join(draft, "first"), "");
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(join(draft, "second"), "");
  };
  const wanted = Array.from({ length: 10 }, () => sharedSnapshot(path, make));
  expect(new Set(await Promise.all(wanted))).toEqual(new Set([path]));
  expect(builds).toBe(1);
  expect(readdirSync(path)).toEqual(["first", "second"]);
  expect(readdirSync(join(path, ".."))).toEqual(["one"]);
});

test("a build that fails leaves nothing, and the next one has its turn", async () => {
  const path = join(directory(), "shared", "two");
  await expect(sharedSnapshot(path, () => Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
  expect(readdirSync(join(path, ".."))).toEqual([]);
  await sharedSnapshot(path, () => Promise.resolve());
  expect(existsSync(path)).toBe(true);
});

test("the lock of a run that was killed is taken over", async () => {
  const path = join(directory(), "shared", "three.lock");
  mkdirSync(join(path, ".."));
  writeFileSync(path, JSON.stringify({ pid: process.pid, startTime: "another process'" }));
  let built = false;
  await withBuildLock(path, () => Promise.resolve(void (built = true)));
  expect(built).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("other settings, another build, or other words of the maker make another snapshot; other ids don't", () => {
  const facts = { buildKey: "a", maker: "b" };
  const key = snapshotKey(defaultSettings(17), facts);
  expect(snapshotKey(defaultSettings(17), facts)).toBe(key);
  const others = [
    snapshotKey(defaultSettings(16), facts),
    snapshotKey({ ...defaultSettings(17), numSafekeepers: 3 }, facts),
    snapshotKey({ ...defaultSettings(17), pageserverConfigOverride: () => undefined }, facts),
    snapshotKey(defaultSettings(17), { ...facts, buildKey: "c" }),
    snapshotKey(defaultSettings(17), { ...facts, maker: "c" }),
  ];
  expect(new Set([key, ...others]).size).toBe(6);
});

/** A repo as a stopped environment leaves it, without any data. */
function fakeRepo(pageservers: readonly number[], database: "PG_VERSION" | "state.json"): string {
  const repo = join(directory(), "repo");
  const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
  for (const id of pageservers) mkdirSync(join(repo, `pageserver_${id}`, "tenants"), { recursive: true });
  for (const dir of ["safekeepers/sk1", "storage_controller_db"]) mkdirSync(join(repo, dir), { recursive: true });
  writeFileSync(join(repo, "storage_controller_db", database), '{"nodes":[]}');
  const branches = [{ name: "main", branch: { tenantId, timelineId } }];
  writeFileSync(join(repo, "config"), repoConfigText({ initialTenant: tenantId, branches }, {}));
  return repo;
}

async function builder(): Promise<NeonEnvBuilder> {
  const engine = embeddedEngine();
  const ports = await PortPool.lease();
  onTestFinished(() => ports[Symbol.asyncDispose]());
  const workplace = TestDirectory.create(directory(), "env", engine.facts.identity);
  return new NeonEnvBuilder({ engine, pgVersion: engine.defaultPgVersion(), directory: workplace, ports });
}

test("a directory that is no repo is one error", async () => {
  const nothing = directory();
  await expect((await builder()).fromRepoDir(nothing)).rejects.toThrow(
    /^BAD_CONFIG: .*\n {2}expected: .*\/config with default_tenant_id.*\n {2}found: ENOENT\n {2}to do: name a repo/,
  );
  writeFileSync(join(nothing, "config"), "pg_distrib_dir = '/'");
  await expect((await builder()).fromRepoDir(nothing)).rejects.toThrow(/found: a file with pg_distrib_dir\n/);
});

test("a repo with other nodes, or of another engine, is one error", async () => {
  const two = (await builder()).fromRepoDir(fakeRepo([1, 2], "state.json"));
  await expect(two).rejects.toThrow(
    /^BAD_CONFIG: .*\n {2}expected: pageservers 1\n {2}found: pageservers 1, 2\n {2}to do: say numPageservers/,
  );
  const real = (await builder()).fromRepoDir(fakeRepo([1], "PG_VERSION"));
  await expect(real).rejects.toThrow(/expected: storage_controller_db to be a file\n {2}found: a Postgres database\n/);
  const env = await (await builder()).fromRepoDir(fakeRepo([1], "state.json"));
  expect(env.branch("main").timelineId).toBe(env.initialTimeline);
});
