import { join } from "node:path";

/** A folder on this machine that pageservers or safekeepers use as their object store. */
export interface LocalFsStorage {
  kind: "local_fs";
  /** Absolute. Keys are relative paths below it (neon-protocols §6). */
  root: string;
}

export type RemoteStorage = LocalFsStorage;

/** Where the original's harness puts it: `<repo>/local_fs_remote_storage/<user>`. */
export function localFsStorage(repoDir: string, user: "pageserver" | "safekeeper"): LocalFsStorage {
  return { kind: "local_fs", root: join(repoDir, "local_fs_remote_storage", user) };
}

/** The `remote_storage` table of pageserver.toml. */
export function remoteStorageToml(storage: RemoteStorage): Record<string, unknown> {
  return { local_path: storage.root };
}
