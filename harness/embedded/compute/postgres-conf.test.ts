import { expect, test } from "vitest";
import { postgresqlConf } from "./postgres-conf";
import { parseSpec } from "./parse-spec";

const SPEC = {
  format_version: 1,
  cluster: { roles: [], databases: [], postgresql_conf: "" },
  tenant_id: "1".repeat(32),
  timeline_id: "2".repeat(32),
  pageserver_connstring: "postgresql://no_user@localhost:56051,postgresql://no_user@localhost:56052",
  safekeeper_connstrings: ["localhost:56031", "127.0.0.1:56032"],
  mode: "Primary",
};

/** Name and value of each setting as Postgres would end up with. */
function settings(postgresql_conf: string): Map<string, string> {
  const conf = postgresqlConf(parseSpec({ ...SPEC, cluster: { ...SPEC.cluster, postgresql_conf } }), 7);
  const lines = conf.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split(/\s*=\s*/, 1)[0] ?? "", line.replace(/^[^=]*=\s*/, "")]));
}

test("drops what a stock Postgres refuses, and keeps other libraries", () => {
  const conf = settings(
    "max_replication_write_lag=15MB\nshared_preload_libraries='neon,pg_stat_statements'\nwork_mem = 5MB",
  );
  expect(conf.has("max_replication_write_lag")).toBe(false);
  expect(conf.get("shared_preload_libraries")).toBe("'pg_stat_statements'");
  expect(conf.get("work_mem")).toBe("5MB");
});

test("the spec beats the engine's defaults, but not what the engine stands on", () => {
  const conf = settings("max_wal_size=1GB\nfull_page_writes=on\nneon.max_cluster_size=10");
  expect(conf.get("max_wal_size")).toBe("1GB");
  expect(conf.get("full_page_writes")).toBe("'off'");
  expect(conf.get("neon.max_cluster_size")).toBe("10");
  expect(conf.get("neon.safekeepers")).toBe("'127.0.0.1:56031,127.0.0.1:56032'");
  expect(conf.get("neon.protocol_version")).toBe("'2'");
});

test.each([
  [{ tenant_id: undefined }, "tenant id should be provided"],
  [{ cluster: undefined }, "missing field `cluster`"],
  [{ mode: "Secondary" }, 'mode: unknown variant "Secondary"'],
  [{ safekeeper_connstrings: "127.0.0.1:1" }, "expected a sequence"],
])("a spec with %j is refused", (change, message) => {
  expect(() => parseSpec({ ...SPEC, ...change })).toThrow(message);
});
