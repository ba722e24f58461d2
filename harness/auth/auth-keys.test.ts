import { createPublicKey, verify } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HarnessError, hideSecrets, TenantId } from "../types";
import { AUTH_SCOPES, AuthKeys } from "./index";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "auth-keys-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const part = (token: string, index: number): unknown =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString());

function isSignedBy(token: string, publicPem: string): boolean {
  const [header = "", claims = "", signature = ""] = token.split(".");
  const signed = Buffer.from(`${header}.${claims}`);
  return verify(null, signed, createPublicKey(publicPem), Buffer.from(signature, "base64url"));
}

test.each(AUTH_SCOPES)("a token of the scope %s has the claims that Neon reads, and no more", (scope) => {
  const keys = AuthKeys.create(directory);
  const tenantId = scope === "tenant" ? TenantId.generate() : undefined;
  const token = keys.generateToken(scope, tenantId === undefined ? {} : { tenantId });
  expect(part(token, 0)).toEqual({ typ: "JWT", alg: "EdDSA" });
  expect(part(token, 1)).toEqual({ tenant_id: tenantId ?? null, scope });
  expect(isSignedBy(token, readFileSync(join(directory, "auth_public_key.pem"), "utf8"))).toBe(true);
  expect(isSignedBy(token, AuthKeys.foreign().publicKeyPem)).toBe(false);
});

test("the files are a PKCS8 key that only its owner reads, and an SPKI key that everyone reads", () => {
  const keys = AuthKeys.create(directory);
  const privatePath = join(directory, "auth_private_key.pem");
  expect(readFileSync(privatePath, "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(readFileSync(keys.publicKeyPath ?? "", "utf8")).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
  expect(statSync(privatePath).mode & 0o777).toBe(0o600);
  expect(statSync(keys.publicKeyPath ?? "").mode & 0o777).toBe(0o644);
  expect(readdirSync(directory).toSorted()).toEqual(["auth_private_key.pem", "auth_public_key.pem"]);
});

test.runIf(process.getuid?.() === 0)("the nodes' user owns the files", () => {
  AuthKeys.create(directory, { owner: { uid: 65534, gid: 65534, name: "nobody" } });
  expect(statSync(join(directory, "auth_private_key.pem")).uid).toBe(65534);
});

test("new keys take the place of the old ones, also where the old file can't be written", () => {
  const keys = AuthKeys.create(directory);
  const before = { pem: keys.publicKeyPem, token: keys.generateToken("admin") };
  chmodSync(join(directory, "auth_private_key.pem"), 0o400);
  keys.regenerate();
  const onDisk = readFileSync(join(directory, "auth_public_key.pem"), "utf8");
  expect(onDisk).not.toBe(before.pem);
  expect(isSignedBy(keys.generateToken("admin"), onDisk)).toBe(true);
  expect(isSignedBy(before.token, onDisk)).toBe(false);
  expect(statSync(join(directory, "auth_private_key.pem")).mode & 0o777).toBe(0o600);
});

test("loaded keys sign what the created ones would", () => {
  const created = AuthKeys.create(directory);
  const loaded = AuthKeys.load(directory);
  expect(loaded.generateToken("infra")).toBe(created.generateToken("infra"));
});

test.each([
  ["no file", () => rmSync(join(directory, "auth_public_key.pem")), "ENOENT"],
  ["no key", () => writeFileSync(join(directory, "auth_private_key.pem"), "hunter2"), "something that is no key"],
  [
    "another's key",
    () => writeFileSync(join(directory, "auth_public_key.pem"), AuthKeys.foreign().publicKeyPem),
    "the public key of another private key",
  ],
])("a directory with %s is one error that names the file", (_, spoil, found) => {
  AuthKeys.create(directory);
  spoil();
  let error: unknown;
  try {
    AuthKeys.load(directory);
  } catch (caught) {
    error = caught;
  }
  expect(HarnessError.is(error, "BAD_CONFIG")).toBe(true);
  expect(String(error)).toContain(found);
  expect(String(error)).toContain(directory);
  expect(String(error)).not.toContain("hunter2");
});

test("neither a printed object nor a message shows a key or a token", () => {
  const keys = AuthKeys.create(directory);
  const token = keys.generateToken("tenant", { tenantId: TenantId.generate() });
  const privatePem = readFileSync(join(directory, "auth_private_key.pem"), "utf8");
  const secret = privatePem.split("\n")[1] ?? "no key";
  expect(inspect(keys, { depth: 9, showHidden: true })).not.toContain(secret);
  expect(JSON.stringify(keys)).toBe("{}");
  const error = new HarnessError("HTTP_ERROR", { summary: `refused ${token}`, found: privatePem, logTail: token });
  expect(error.message).not.toContain(token.slice(-20));
  expect(error.message).not.toContain(secret);
  expect(hideSecrets(`PGPASSWORD=${token}`)).not.toContain(token.slice(-20));
  expect(hideSecrets(`{"token":"${token}"}`)).toBe('{"token":"***"}');
});
