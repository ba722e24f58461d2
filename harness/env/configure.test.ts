import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { expect, onTestFinished, test } from "vitest";
import { embeddedEngine } from "../nodes/testing/stand-ins";
import { PortPool } from "../ports";
import { makeTestDirectory } from "../testing";
import { NeonEnvBuilder } from "./neon-env-builder";
import type { NeonEnvSettings } from "./settings";
import { TestDirectory } from "./test-directory";

/** The configuration of an environment that is never started. */
async function configured(settings: Partial<NeonEnvSettings>) {
  const dir = makeTestDirectory("neon-configure");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const engine = embeddedEngine();
  const ports = await PortPool.lease();
  onTestFinished(() => ports[Symbol.asyncDispose]());
  const directory = TestDirectory.create(dir, "env", engine.facts.identity);
  const ground = { engine, pgVersion: engine.defaultPgVersion(), directory, ports };
  const env = await new NeonEnvBuilder(ground, settings).initConfigs();
  const read = (path: string): string => readFileSync(join(env.repoDir, path), "utf8");
  return { env, read, toml: (id: number) => parse(read(`pageserver_${id}/pageserver.toml`)) };
}

test("pageservers go to the availability zones in turn, and an override wins everywhere", async () => {
  const { toml, read } = await configured({
    numPageservers: 4,
    numAzs: 3,
    pageserverConfigOverride: (config, { id }) => {
      if (id === 4) config["availability_zone"] = "mars-1a";
    },
  });
  const zones = [1, 2, 3, 4].map((id) => toml(id)["availability_zone"]);
  expect(zones).toEqual(["us-east-2a", "us-east-2b", "us-east-2c", "mars-1a"]);
  // This is what the pageserver tells the storage controller.
  const told = [1, 2, 3, 4].map((id) => JSON.parse(read(`pageserver_${id}/metadata.json`)) as object);
  expect(told).toEqual(zones.map((zone) => expect.objectContaining({ availability_zone_id: zone }) as unknown));
});

test("pageserver settings have names of their own, and an override is merged table by table", async () => {
  const { toml } = await configured({
    pageserverWalReceiverProtocol: "vanilla",
    pageserverVirtualFileIoEngine: "std-fs",
    pageserverVirtualFileIoMode: "direct",
    pageserverDefaultTenantConfigCompactionAlgorithm: { kind: "tiered" },
    pageserverConfigOverride: { tenant_config: { gc_period: "0s" } },
  });
  expect(toml(1)).toMatchObject({
    wal_receiver_protocol: { type: "vanilla" },
    virtual_file_io_engine: "std-fs",
    virtual_file_io_mode: "direct",
    tenant_config: { compaction_algorithm: { kind: "tiered" }, gc_period: "0s" },
    no_sync: true,
  });
});

test("without settings it is what the original's harness sets", async () => {
  const { env, toml } = await configured({});
  expect(toml(1)).toMatchObject({
    pg_auth_type: "Trust",
    wal_receiver_protocol: { type: "interpreted", args: { format: "protobuf", compression: { zstd: { level: 1 } } } },
    page_service_pipelining: { mode: "pipelined", execution: "concurrent-futures", max_batch_size: 32 },
    availability_zone: "us-east-2a",
  });
  expect(toml(1)).not.toHaveProperty("auth_validation_public_key_path");
  expect(toml(1)).not.toHaveProperty("virtual_file_io_engine");
  expect(env.authKeys.publicKeyPath).toBe(join(env.repoDir, "auth_public_key.pem"));
});

test("a pageserver that isn't there, and a proxy that wasn't asked for, are misuse", async () => {
  const { env } = await configured({ numPageservers: 2 });
  expect(env.getPageserver(2).id).toBe(2);
  expect(() => env.getPageserver(3)).toThrow(/^MISUSE: there is no pageserver 3\n {2}expected: one of 1, 2/);
  expect(() => env.pageserver).toThrow(/^MISUSE: .*only pageserver/);
  expect(() => env.storageControllerProxy).toThrow(/^MISUSE: .*no proxy(.|\n)*storageControllerProxy: true/);
});
