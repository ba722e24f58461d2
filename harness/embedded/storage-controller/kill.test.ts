import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { engineProgram, freePort, makeTestDirectory, programEnvironment } from "../../testing";
import { TenantId } from "../../types";
import { startFakePageserver } from "./fake-pageserver.test-data";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** The command line that neon_local gives it. */
const argumentsFor = (repoDir: string, port: number): string[] => [
  ...["-l", `127.0.0.1:${port}`, "--dev", "--database-url", "postgresql://localhost:1/storage_controller"],
  ...["--max-offline-interval", "10s", "--max-warming-up-interval", "30s", "--heartbeat-interval", "1s"],
  ...["--address-for-peers", `http://127.0.0.1:${port}/`, `--neon-local-repo-dir=${repoDir}`],
];

/** The program itself. */
async function startProgram(repoDir: string, port: number): Promise<ChildProcess> {
  const child = spawn(engineProgram("storage_controller"), argumentsFor(repoDir, port), {
    ...{ stdio: ["ignore", "ignore", "inherit"], env: programEnvironment },
  });
  cleanups.push(() => child.kill("SIGKILL"));
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200), {
    interval: 20,
    timeout: 10_000,
  });
  return child;
}

test("generations survive a SIGKILL right after the answer; SIGTERM ends it with 0", async () => {
  const repoDir = makeTestDirectory("storage-controller");
  cleanups.push(() => rm(repoDir, { recursive: true }));
  const pageserver = await startFakePageserver(1);
  cleanups.push(() => pageserver.close());
  const port = await freePort();
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}/${path}`, { method: "POST", body: JSON.stringify(body) });
    return (await response.json()) as unknown;
  };
  const reAttach = async () => {
    const answer = await post("upcall/v1/re-attach", { node_id: 1, register: pageserver.register });
    pageserver.adopt(answer);
    return answer;
  };
  const first = await startProgram(repoDir, port);
  await reAttach();
  const tenant = TenantId.generate();
  await vi.waitFor(
    async () => expect(await post("v1/tenant", { new_tenant_id: tenant })).toMatchObject({ shards: [{}] }),
    { interval: 10 },
  );
  expect(await reAttach()).toEqual({ tenants: [{ id: tenant, gen: 2, mode: "AttachedSingle" }] });
  first.kill("SIGKILL");
  await once(first, "exit");
  const second = await startProgram(repoDir, port);
  expect(await reAttach()).toEqual({ tenants: [{ id: tenant, gen: 3, mode: "AttachedSingle" }] });
  second.kill("SIGTERM");
  expect(await once(second, "exit")).toEqual([0, null]);
});

test.each([
  ["half of it", '{"version":2,"nodes":[{"node_id"'],
  ["nothing", ""],
  ["another format", '{"version":77}'],
])("a state file with %s is named in one line, and stays as it is", async (_what, text) => {
  const repoDir = makeTestDirectory("storage-controller");
  cleanups.push(() => rm(repoDir, { recursive: true }));
  const path = join(repoDir, "storage_controller_db", "state.json");
  mkdirSync(join(repoDir, "storage_controller_db"));
  writeFileSync(path, text);
  const options = { env: programEnvironment, encoding: "utf8", timeout: 10_000 } as const;
  const ended = spawnSync(engineProgram("storage_controller"), argumentsFor(repoDir, await freePort()), options);
  expect(ended).toMatchObject({ status: 1, stderr: expect.stringMatching(/^Error: could not read .*\n$/) as string });
  expect(ended.stderr).toContain(path);
  expect(readFileSync(path, "utf8")).toBe(text);
});
