import { resolve } from "node:path";
import { LocalFs } from "./local-fs";
import type { RemoteStorage } from "./remote-storage";

/**
 * The storage that a `remote_storage` table of Neon's configurations names. `where` says in errors which setting it was;
 * relative paths start at `workdir`.
 */
export function openRemoteStorage(
  table: unknown,
  options: { where: string; workdir: string; sync: boolean },
): RemoteStorage {
  const path = (table as { local_path?: unknown } | undefined)?.local_path;
  if (typeof path !== "string") {
    throw new Error(`${options.where}: remote_storage must be { local_path = '…' } for the embedded engine`);
  }
  return new LocalFs(resolve(options.workdir, path), { sync: options.sync });
}
