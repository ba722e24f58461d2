import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { TenantId } from "../../../types";
import type { Scope } from "../auth";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An Ed25519 key pair that tests sign tokens with. */
export class TestKeys {
  readonly publicPem: string;
  readonly #privateKey: KeyObject;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    this.#privateKey = privateKey;
  }

  /** Writes the public key; returns the path. */
  writePublicKey(path: string): string {
    writeFileSync(path, this.publicPem, { mode: 0o644 });
    return path;
  }

  token(scope: Scope, tenantId?: TenantId): string {
    const signed = `${part({ typ: "JWT", alg: "EdDSA" })}.${part({ tenant_id: tenantId ?? null, scope })}`;
    return `${signed}.${sign(null, Buffer.from(signed), this.#privateKey).toString("base64url")}`;
  }
}

const SERVICE_SCOPES = [
  "pageserverapi",
  "safekeeperdata",
  "generations_api",
  "admin",
  "infra",
  "scrubber",
  "controller_peer",
] as const;

/** The callers of the recorded matrix (golden/run/87_auth_matrix.txt): no token, bad ones, and one of each scope. */
export function callers(
  keys: TestKeys,
  tenantId: TenantId,
  other: TenantId,
): [name: string, token: string | undefined][] {
  return [
    ["none", undefined],
    ["garbage", "garbage"],
    ["badsig", new TestKeys().token("admin")],
    ["tenant", keys.token("tenant", tenantId)],
    ["otherten", keys.token("tenant", other)],
    ...SERVICE_SCOPES.map((scope): [string, string] => [scope, keys.token(scope)]),
  ];
}
