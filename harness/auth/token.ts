import { sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { TenantId } from "../types";

/** What a token allows (neon-protocols §7); `tenant` is for one tenant, all others for a kind of service. */
export const AUTH_SCOPES = [
  "tenant",
  "pageserverapi",
  "safekeeperdata",
  "generations_api",
  "admin",
  "infra",
  "scrubber",
  "controller_peer",
] as const;

export type AuthScope = (typeof AUTH_SCOPES)[number];

/** The payload of a token. Neon's tokens do not expire. */
export interface AuthClaims {
  readonly tenant_id: TenantId | null;
  readonly scope: AuthScope;
}

const HEADER = { typ: "JWT", alg: "EdDSA" } as const;

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A JSON web token over these claims, signed by an Ed25519 key. */
export function signToken(claims: AuthClaims, privateKey: KeyObject): string {
  const signed = `${base64url(HEADER)}.${base64url(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}
