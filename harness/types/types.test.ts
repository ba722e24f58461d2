import { expect, test } from "vitest";
import { HARNESS_ERRORS, HarnessError, Lsn, PgVersion, TenantId, TenantShardId, TimelineId, hideSecrets } from ".";

const TENANT = "3aa8fcc61f6d357410b7de754b1d9001";

test.for<[string, bigint]>([
  ["0/0", 0n],
  ["0/16B5A50", 0x16b5a50n],
  ["1/0", 1n << 32n],
  ["FFFFFFFF/FFFFFFFF", Lsn.MAX],
])("Lsn %s is read and written", ([text, value]) => {
  expect(Lsn.parse(text)).toBe(value);
  expect(Lsn.format(value)).toBe(text);
  expect(Lsn.parse(text.toLowerCase())).toBe(value);
});

test.for(["", "16B5A50", "0/", "0/123456789", "0/XY", "-1/0", "0/16B5A50 "])("%j is no Lsn", (text) => {
  expect(() => Lsn.parse(text)).toThrow(/^BAD_VALUE: this is not an LSN\n {2}expected: .*0\/16B5A50\n {2}found: /);
});

test.for([-1n, Lsn.MAX + 1n])("%s is too small or too large for an Lsn", (value) => {
  expect(() => Lsn.format(value)).toThrow(/BAD_VALUE/);
});

test("ids are 32 lower-case hexadecimal digits", () => {
  expect(TenantId.generate()).toMatch(/^[0-9a-f]{32}$/);
  expect(TimelineId.generate()).not.toBe(TimelineId.generate());
  expect(TenantId.parse(TENANT.toUpperCase())).toBe(TENANT);
  expect(() => TimelineId.parse(TENANT.slice(1))).toThrow(/BAD_VALUE: this is not a timeline id/);
});

test.for<[string, number, number]>([
  [TENANT, 0, 0],
  [`${TENANT}-0001`, 0, 1],
  [`${TENANT}-0f10`, 15, 16],
])("tenant shard id %s is read and written", ([text, shardNumber, shardCount]) => {
  const id = TenantShardId.parse(text);
  expect(id).toEqual({ tenantId: TENANT, shardNumber, shardCount });
  expect(TenantShardId.format(id)).toBe(text);
});

test.for([`${TENANT}-0202`, `${TENANT}-0100`, `${TENANT}-00`, TENANT.slice(2)])("%s is no tenant shard id", (text) => {
  expect(() => TenantShardId.parse(text)).toThrow(/BAD_VALUE: this is not a tenant shard id/);
});

test.for<[string, PgVersion]>([
  ["14", 14],
  ["v16", 16],
  ["170010", 17],
])("Postgres version %s", ([text, version]) => {
  expect(PgVersion.parse(text)).toBe(version);
  expect(PgVersion.dirName(version)).toBe(`v${version}`);
});

test.for(["13", "18", "", "v", "17.2", "1700"])("%j is no Postgres version that we know", (text) => {
  expect(() => PgVersion.parse(text)).toThrow(/BAD_PG_VERSION[\s\S]*one of 14, 15, 16, 17/);
});

test("an error's message says everything, and a user's mistake has no stack", () => {
  const error = new HarnessError("BINARY_MISSING", {
    summary: "no pageserver",
    expected: "an executable file",
    found: "nothing",
    todo: "build it",
    logPath: "/x/node.log",
    logTail: "one\ntwo\n",
    facts: { component: "pageserver-1" },
    cause: new Error("why"),
  });
  expect(error.message.split("\n")).toEqual([
    "BINARY_MISSING: no pageserver",
    "  expected: an executable file",
    "  found: nothing",
    "  to do: build it",
    "  log: /x/node.log",
    "  log tail:",
    "    | one",
    "    | two",
  ]);
  expect(error).toMatchObject({ code: "BINARY_MISSING", fault: "user", facts: { component: "pageserver-1" } });
  expect(error.stack).toBe(`HarnessError: ${error.message}`);
  expect(new HarnessError("NODE_DIED", { summary: "x" }).stack).toContain("types.test.ts");
  expect(new HarnessError("NODE_DIED", { summary: "x", logTail: "" }).message).toContain("(the log is empty)");
});

test("every code belongs to the user, the system or Neon", () => {
  expect(new Set(Object.values(HARNESS_ERRORS).map((entry) => entry.fault))).toEqual(
    new Set(["user", "system", "neon"]),
  );
});

const TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzY29wZSI6InRlbmFudCJ9.c2lnbmF0dXJl-_x";

test.for<[string, string]>([
  [`token ${TOKEN} end`, "token *** end"],
  [`Authorization: Bearer ${TOKEN}`, "Authorization: Bearer ***"],
  ["Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"],
  ["postgres://cloud_admin:hunter2@127.0.0.1:5432/x", "postgres://cloud_admin:***@127.0.0.1:5432/x"],
  ["AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=***"],
  [`{"password": "hunter2", "user": "x"}`, `{"password": "***", "user": "x"}`],
  ["-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\nrest", "***\nrest"],
  ["key AKIAIOSFODNN7EXAMPLE", "key ***"],
])("no secret gets into a message: %s", ([text, hidden]) => {
  expect(hideSecrets(text)).toBe(hidden);
  expect(new HarnessError("LOG_ERRORS", { summary: "s", logTail: text }).message).not.toMatch(/hunter2|eyJ|wJalr|MC4C/);
});

test.for(["GET http://127.0.0.1:9898/v1/status", "password authentication failed", "user=cloud_admin lsn=0/16B5A50"])(
  "what is no secret stays: %s",
  (text) => {
    expect(hideSecrets(text)).toBe(text);
  },
);
