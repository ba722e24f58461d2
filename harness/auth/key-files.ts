import { chownSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "../process";
import { errnoOf, HarnessError } from "../types";

export interface KeyPair {
  readonly privatePem: string;
  readonly publicPem: string;
}

/** Where the two files of a key pair stand. */
export interface KeyPaths {
  readonly privateKey: string;
  readonly publicKey: string;
}

export const keyPathsIn = (directory: string): KeyPaths => ({
  privateKey: join(directory, "auth_private_key.pem"),
  publicKey: join(directory, "auth_public_key.pem"),
});

/** The private key can be read by its owner alone: the nodes' user where there is one. */
export function writeKeyPair(paths: KeyPaths, pair: KeyPair, owner: ProcessIdentity | undefined): void {
  replaceFile(paths.privateKey, pair.privatePem, 0o600, owner);
  replaceFile(paths.publicKey, pair.publicPem, 0o644, owner);
}

export function readKeyPair(paths: KeyPaths): KeyPair {
  return { privatePem: readKey(paths.privateKey), publicPem: readKey(paths.publicKey) };
}

/** In one step, for a node may read it at this moment. */
function replaceFile(path: string, text: string, mode: number, owner: ProcessIdentity | undefined): void {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode, flag: "wx" });
  if (owner !== undefined) chownSync(fresh, owner.uid, owner.gid);
  renameSync(fresh, path);
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw unusableKey(path, errnoOf(cause) ?? "a file that can't be read", cause);
  }
}

/** Says which file, never what stands in it. */
export function unusableKey(path: string, found: string, cause?: unknown): HarnessError {
  return new HarnessError("BAD_CONFIG", {
    summary: `${path} is not a usable key`,
    expected: "an Ed25519 key as a PEM file, made by AuthKeys.create()",
    found,
    todo: "remove both auth_*_key.pem files and start with a new directory",
    cause,
    facts: { path },
  });
}
