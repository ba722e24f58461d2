import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { TenantId } from "../../types";
import { ApiError, forbidden } from "./api-error";

/** What a token allows (neon-protocols §7). */
const SCOPES = [
  "tenant",
  "pageserverapi",
  "safekeeperdata",
  "generations_api",
  "admin",
  "infra",
  "scrubber",
  "controller_peer",
] as const;
export type Scope = (typeof SCOPES)[number];

export interface Claims {
  readonly scope: Scope;
  readonly tenantId: TenantId | undefined;
}

/** Whatever is wrong with a token, those who call only hear this. */
export const AUTH_ERROR = "JWT authentication error";

/** A token that is not good enough; the message is for the log. */
export class AuthError extends Error {}

function parsePart(text: string | undefined): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(text ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
  } catch {
    throw new AuthError("the token is not a JSON web token");
  }
}

function claimsFrom(payload: Record<string, unknown>): Claims {
  const scope = SCOPES.find((known) => known === payload["scope"]);
  if (scope === undefined) throw new AuthError("the token has no known scope");
  const tenant = payload["tenant_id"] ?? undefined;
  if (tenant === undefined) return { scope, tenantId: undefined };
  try {
    return { scope, tenantId: TenantId.parse(String(tenant)) };
  } catch {
    throw new AuthError("the token's tenant_id is none");
  }
}

async function readKeys(path: string): Promise<KeyObject[]> {
  const isDirectory = (await stat(path)).isDirectory();
  const files = isDirectory ? (await readdir(path)).toSorted().map((name) => join(path, name)) : [path];
  const keys: KeyObject[] = [];
  for (const file of files) {
    if (isDirectory && !(await stat(file)).isFile()) continue;
    try {
      keys.push(createPublicKey(await readFile(file)));
    } catch (error) {
      throw new Error(`could not read the public key ${file}`, { cause: error });
    }
  }
  if (keys.length === 0) throw new Error(`there is no public key in ${path}: every request would be refused`);
  return keys;
}

/** Checks tokens signed with EdDSA. With several keys, any of them may have signed. */
export class JwtAuth {
  #keys: readonly KeyObject[];
  readonly #path: string | undefined;

  private constructor(keys: readonly KeyObject[], path: string | undefined) {
    this.#keys = keys;
    this.#path = path;
  }

  /** Keys of a PEM file, or of every file in a directory. Throws with the file's name. */
  static async fromPath(path: string): Promise<JwtAuth> {
    return new JwtAuth(await readKeys(path), path);
  }

  /** The key as text. */
  static fromPem(pem: string): JwtAuth {
    return new JwtAuth([createPublicKey(pem)], undefined);
  }

  /** Reads the files again; keeps the old keys when that fails. */
  async reload(): Promise<void> {
    if (this.#path !== undefined) this.#keys = await readKeys(this.#path);
  }

  /** The claims of a token. Throws AuthError unless one of our keys signed it. */
  decode(token: string): Claims {
    const [header, payload, signature, ...rest] = token.split(".");
    if (signature === undefined || rest.length > 0) throw new AuthError("the token is not a JSON web token");
    if (parsePart(header)["alg"] !== "EdDSA") throw new AuthError("the token is not signed with EdDSA");
    const signed = Buffer.from(`${header}.${payload}`);
    const bytes = Buffer.from(signature, "base64url");
    if (!this.#keys.some((key) => verify(null, signed, key, bytes))) throw new AuthError("the signature is wrong");
    return claimsFrom(parsePart(payload));
  }
}

/** The token of an Authorization header; 401 when there is none. */
export function bearerToken(header: string | undefined): string {
  if (header === undefined) throw new ApiError(401, "Unauthorized: missing authorization header");
  const token = /^Bearer (.*)$/.exec(header)?.[1];
  if (token === undefined) throw new ApiError(401, "Unauthorized: malformed authorization header");
  return token;
}

/** 403 instead of an AuthError, as every HTTP API of Neon words it. */
export function orForbidden<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof AuthError) throw forbidden(AUTH_ERROR);
    throw error;
  }
}

/**
 * Who may use what belongs to a tenant (or, without one, to the whole node): a token of the node's own scope, or one for
 * exactly this tenant. Throws AuthError.
 */
export function checkTenantPermission(claims: Claims, nodeScope: Scope, tenantId: TenantId | undefined): void {
  if (claims.scope === nodeScope) return;
  if (claims.scope !== "tenant") throw new AuthError(`scope ${claims.scope} is not eligible here`);
  if (tenantId === undefined) throw new AuthError("a tenant's token for what belongs to the node");
  if (claims.tenantId !== tenantId) throw new AuthError("the token is for another tenant");
}
