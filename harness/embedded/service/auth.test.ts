import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { TenantId } from "../../types";
import { bearerToken, checkTenantPermission, JwtAuth } from "./auth";
import { TestKeys } from "./testing/tokens";

const dir = mkdtempSync(join(tmpdir(), "auth-"));
const [keys, more] = [new TestKeys(), new TestKeys()];
const [tenant, other] = [TenantId.generate(), TenantId.generate()];
afterAll(() => rmSync(dir, { recursive: true }));

describe("a token is decoded", () => {
  const auth = JwtAuth.fromPem(keys.publicPem);
  test("when our key signed it", () => {
    expect(auth.decode(keys.token("tenant", tenant))).toEqual({ scope: "tenant", tenantId: tenant });
    expect(auth.decode(keys.token("infra"))).toEqual({ scope: "infra", tenantId: undefined });
  });

  const good = keys.token("tenant", tenant);
  const [header, payload, signature] = good.split(".");
  const claiming = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  test.each([
    ["of another key", more.token("admin")],
    ["without a signature", `${header}.${payload}`],
    ["with an empty signature", `${header}.${payload}.`],
    ["that says it is not signed", `${claiming({ alg: "none" })}.${payload}.${signature}`],
    ["whose claims were changed", `${header}.${claiming({ scope: "admin", tenant_id: null })}.${signature}`],
    ["of more parts", `${good}.x`],
    ["that is nothing", "garbage"],
    ["of an unknown scope", keys.token("root" as "admin")],
    ["of a bad tenant", keys.token("tenant", "zz" as TenantId)],
  ])("not one %s", (_what, token) => {
    expect(() => auth.decode(token)).toThrow(Error);
  });
});

test("any key of a directory will do; reload takes new keys, and keeps the old ones when it fails", async () => {
  const path = join(dir, "keys");
  await expect(JwtAuth.fromPath(path)).rejects.toThrow("keys");
  rmSync(path, { recursive: true, force: true });
  const one = keys.writePublicKey(join(dir, "one.pem"));
  const auth = await JwtAuth.fromPath(one);
  expect(() => auth.decode(more.token("infra"))).toThrow("signature");
  more.writePublicKey(one);
  await auth.reload();
  expect(auth.decode(more.token("infra")).scope).toBe("infra");
  writeFileSync(one, "no key");
  await expect(auth.reload()).rejects.toThrow("one.pem");
  expect(auth.decode(more.token("infra")).scope).toBe("infra");

  rmSync(one);
  keys.writePublicKey(join(dir, "a.pem"));
  more.writePublicKey(join(dir, "b.pem"));
  const both = await JwtAuth.fromPath(dir);
  for (const signer of [keys, more]) expect(both.decode(signer.token("admin")).scope).toBe("admin");
});

test("an Authorization header must be a bearer's", () => {
  expect(bearerToken("Bearer abc")).toBe("abc");
  expect(() => bearerToken(undefined)).toThrow("Unauthorized: missing authorization header");
  expect(() => bearerToken("Basic abc")).toThrow("Unauthorized: malformed authorization header");
});

test("a tenant's token is good for that tenant only", () => {
  const check = (tenantId: TenantId | undefined) => () =>
    checkTenantPermission({ scope: "tenant", tenantId: tenant }, "pageserverapi", tenantId);
  expect(check(tenant)).not.toThrow();
  expect(check(other)).toThrow("another tenant");
  expect(check(undefined)).toThrow("belongs to the node");
});
