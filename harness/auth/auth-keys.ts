import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { ProcessIdentity } from "../process";
import type { TenantId } from "../types";
import { keyPathsIn, readKeyPair, unusableKey, writeKeyPair } from "./key-files";
import type { KeyPaths } from "./key-files";
import { signToken } from "./token";
import type { AuthScope } from "./token";

interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

interface KeyStore {
  readonly paths: KeyPaths;
  readonly owner: ProcessIdentity | undefined;
}

/**
 * The Ed25519 key pair of an environment: nodes get the public key as a file, whoever calls them gets tokens. Nothing of
 * the private key shows when the object is printed.
 */
export class AuthKeys {
  #keys: Keys;
  #store: KeyStore | undefined;

  private constructor(keys: Keys, store: KeyStore | undefined) {
    this.#keys = keys;
    this.#store = store;
  }

  /** New keys in `directory`, as auth_private_key.pem and auth_public_key.pem; the nodes' user owns them. */
  static create(directory: string, options: { owner?: ProcessIdentity | undefined } = {}): AuthKeys {
    const keys = new AuthKeys(newKeys(), { paths: keyPathsIn(directory), owner: options.owner });
    keys.#write();
    return keys;
  }

  /** The keys of an existing directory; BAD_CONFIG where a file is missing or no key. */
  static load(directory: string, options: { owner?: ProcessIdentity | undefined } = {}): AuthKeys {
    const paths = keyPathsIn(directory);
    return new AuthKeys(loadKeys(paths), { paths, owner: options.owner });
  }

  /** Keys without files: tokens that no node accepts. */
  static foreign(): AuthKeys {
    return new AuthKeys(newKeys(), undefined);
  }

  /** For pageserver.toml and the command lines of the others. Undefined where the keys have no files. */
  get publicKeyPath(): string | undefined {
    return this.#store?.paths.publicKey;
  }

  get publicKeyPem(): string {
    return this.#keys.publicKey.export({ type: "spki", format: "pem" }).toString();
  }

  /** A `tenant` token is good for `tenantId` only; the other scopes are not bound to a tenant. */
  generateToken(scope: AuthScope, options: { tenantId?: TenantId } = {}): string {
    return signToken({ tenant_id: options.tenantId ?? null, scope }, this.#keys.privateKey);
  }

  /**
   * New keys, in the place of the old files or in other ones; from now on tokens are signed by them. A node goes on
   * accepting the old tokens until it reads the key again: `POST /v1/reload_auth_validation_keys` on a pageserver, a
   * restart elsewhere.
   */
  regenerate(paths?: KeyPaths): void {
    if (this.#store !== undefined && paths !== undefined) this.#store = { ...this.#store, paths };
    this.#keys = newKeys();
    this.#write();
  }

  #write(): void {
    if (this.#store === undefined) return;
    const privatePem = this.#keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    writeKeyPair(this.#store.paths, { privatePem, publicPem: this.publicKeyPem }, this.#store.owner);
  }
}

const newKeys = (): Keys => generateKeyPairSync("ed25519");

function loadKeys(paths: KeyPaths): Keys {
  const { privatePem, publicPem } = readKeyPair(paths);
  const privateKey = parseKey(paths.privateKey, () => createPrivateKey(privatePem));
  const publicKey = parseKey(paths.publicKey, () => createPublicKey(publicPem));
  if (!createPublicKey(privateKey).equals(publicKey)) {
    throw unusableKey(paths.publicKey, "the public key of another private key");
  }
  return { privateKey, publicKey };
}

function parseKey(path: string, parse: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = parse();
  } catch (cause) {
    throw unusableKey(path, "something that is no key", cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw unusableKey(path, `a key of type ${key.asymmetricKeyType}`);
  return key;
}
