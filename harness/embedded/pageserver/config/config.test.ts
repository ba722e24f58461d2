import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TenantShardId } from "../../../types";
import { loadConfig } from "./config";
import { formatDuration, parseDuration } from "./duration";
import { locationConfFromToml, locationConfToToml } from "./location-conf";
import { EffectiveConf, parseTenantConf, withNulls } from "./tenant-conf";

describe("durations", () => {
  test.each([
    ["7days", 604_800_000],
    ["1day", 86_400_000],
    ["10m", 600_000],
    ["1h 30m", 5_400_000],
    ["1ms", 1],
    ["0s", 0],
  ])("%s is %d ms and printed the same", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test.each(["", "10", "ten minutes", "5 parsecs"])("%j is refused", (text) => {
    expect(() => parseDuration(text)).toThrow("not a duration");
  });
});

describe("tenant settings", () => {
  test("a tenant's own settings come before the pageserver's and the defaults", () => {
    const effective = new EffectiveConf(
      parseTenantConf({ gc_period: "0s", gc_horizon: 5 }),
      parseTenantConf({ gc_horizon: 7 }),
    );
    expect(effective.milliseconds("gc_period")).toBe(0);
    expect(effective.number("gc_horizon")).toBe(7);
    expect(effective.number("checkpoint_distance")).toBe(268435456);
    expect(Object.keys(effective.toJSON() as object)[0]).toBe("checkpoint_distance");
  });

  test("unknown and wrong settings are refused, null means not set", () => {
    expect(() => parseTenantConf({ bogus: 1 })).toThrow("unknown field `bogus`");
    expect(() => parseTenantConf({ gc_horizon: "much" })).toThrow("invalid value for gc_horizon");
    expect(parseTenantConf({ gc_period: null })).toEqual({});
    expect(Object.keys(withNulls({}))).toHaveLength(24);
  });
});

describe("config-v1", () => {
  const id = TenantShardId.parse("1".repeat(32));

  test("an attached location is written as Neon writes it", () => {
    const conf = {
      mode: "AttachedSingle" as const,
      generation: 2,
      secondaryWarm: false,
      stripeSize: 32768,
      tenantConf: { gc_period: "0s" },
    };
    const text = locationConfToToml(id, conf);
    // golden/run/42_location_conf
    expect(text).toBe(`# This file contains a specific per-tenant's config.
#  It is read in case of pageserver restart.
[mode.Attached]
generation = 2
attach_mode = "Single"

[tenant_conf]
gc_period = "0s"
`);
    expect(locationConfFromToml(text)).toEqual(conf);
  });

  test("a secondary has no generation", () => {
    const conf = {
      mode: "Secondary" as const,
      generation: undefined,
      secondaryWarm: true,
      stripeSize: 32768,
      tenantConf: {},
    };
    expect(locationConfFromToml(locationConfToToml(id, conf))).toEqual(conf);
  });
});

describe("pageserver.toml", () => {
  let dir: string;
  const write = (more = "") => {
    writeFileSync(join(dir, "identity.toml"), "id=7\n");
    writeFileSync(
      join(dir, "pageserver.toml"),
      `pg_distrib_dir = "../pg"
broker_endpoint = "http://127.0.0.1:1/"
listen_pg_addr = "localhost:2"
listen_http_addr = "127.0.0.1:3"
remote_storage = { local_path = "../remote" }
${more}`,
    );
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "pageserver-config-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("relative paths start at the node's directory, defaults are Neon's", async () => {
    write("wait_lsn_timeout = '5s'\n[page_service_pipelining]\nmode = 'pipelined'\n[tenant_config]\ngc_period = '1h'");
    expect(await loadConfig(dir)).toMatchObject({
      id: 7,
      pgDistribDir: join(dir, "../pg"),
      remoteStorage: { local_path: "../remote" },
      listenPg: { host: "127.0.0.1", port: 2 },
      waitLsnTimeoutMs: 5000,
      tenantConf: { gc_period: "1h" },
      noSync: false,
      metadata: undefined,
    });
  });

  test.each([
    ["wait_lsn_timeuot = '5s'", "unknown field `wait_lsn_timeuot`"],
    ["pg_auth_type = 'NeonJWT'", "auth_validation_public_key_path is missing"],
    ["[tenant_config]\nbogus = 1", "unknown field `bogus`"],
    ["control_plane_api = 5", "control_plane_api must be a string"],
  ])("%s is refused", async (line, message) => {
    write(line);
    await expect(loadConfig(dir)).rejects.toThrow(message);
  });
});
