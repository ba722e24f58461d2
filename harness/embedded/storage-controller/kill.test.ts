import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, expect, test, vi } from "vitest";
import { TenantId } from "../../types";
import { startFakePageserver } from "./fake-pageserver.test-data";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** The program itself, with the command line that neon_local gives it. */
async function startProgram(program: string, repoDir: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [program].concat(
      ["-l", `127.0.0.1:${port}`, "--dev", "--database-url", "postgresql://localhost:1/storage_controller"],
      ["--max-offline-interval", "10s", "--max-warming-up-interval", "30s", "--heartbeat-interval", "1s"],
      ["--address-for-peers", `http://127.0.0.1:${port}/`, `--neon-local-repo-dir=${repoDir}`],
    ),
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  cleanups.push(() => child.kill("SIGKILL"));
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200), {
    interval: 20,
    timeout: 10_000,
  });
  return child;
}

test("generations survive a SIGKILL right after the answer; SIGTERM ends it with 0", async () => {
  const repoDir = await mkdtemp(join(tmpdir(), "storcon-"));
  cleanups.push(() => rm(repoDir, { recursive: true }));
  const program = join(repoDir, "storage_controller.cjs");
  const entry = join(import.meta.dirname, "../bin/storage_controller.ts");
  await build({ entryPoints: [entry], outfile: program, bundle: true, platform: "node", logLevel: "error" });
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
  const first = await startProgram(program, repoDir, port);
  await reAttach();
  const tenant = TenantId.generate();
  await vi.waitFor(
    async () => expect(await post("v1/tenant", { new_tenant_id: tenant })).toMatchObject({ shards: [{}] }),
    { interval: 10 },
  );
  expect(await reAttach()).toEqual({ tenants: [{ id: tenant, gen: 2, mode: "AttachedSingle" }] });
  first.kill("SIGKILL");
  await once(first, "exit");
  const second = await startProgram(program, repoDir, port);
  expect(await reAttach()).toEqual({ tenants: [{ id: tenant, gen: 3, mode: "AttachedSingle" }] });
  second.kill("SIGTERM");
  expect(await once(second, "exit")).toEqual([0, null]);
});
