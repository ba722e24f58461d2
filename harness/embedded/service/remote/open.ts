import { resolve } from "node:path";
import type { Logger } from "../log";
import { LocalFs } from "./local-fs";
import type { RemoteStorage } from "./remote-storage";
import { retrying } from "./retrying";
import { S3Remote } from "./s3";
import { s3ClientOf } from "./s3-config";
import { unreliable } from "./unreliable";

interface OpenOptions {
  /** Says in errors which setting it was. */
  where: string;
  /** Where relative paths start. */
  workdir: string;
  sync: boolean;
  log: Logger;
  /** Aborted when the node is told to stop; default: never. */
  shutdown?: AbortSignal;
  /** How often each operation fails before it succeeds; 0 (default): never. */
  failures?: number;
}

const NEVER = new AbortController().signal;

/** The storage that a `remote_storage` table of Neon's configurations names; throws Error when it names none. */
export function openRemoteStorage(table: unknown, options: OpenOptions): RemoteStorage {
  const storage = plainStorage(table, options);
  const { failures = 0, log, shutdown = NEVER } = options;
  return retrying(failures > 0 ? unreliable(storage, failures) : storage, { log, shutdown });
}

function plainStorage(table: unknown, { where, workdir, sync, shutdown = NEVER }: OpenOptions): RemoteStorage {
  const fields = (typeof table === "object" && table !== null ? table : {}) as Readonly<Record<string, unknown>>;
  if (typeof fields["local_path"] === "string") return new LocalFs(resolve(workdir, fields["local_path"]), { sync });
  if (fields["bucket_name"] !== undefined) {
    return new S3Remote(s3ClientOf(fields, where, { shutdown, env: process.env }), {
      prefix: String(fields["prefix_in_bucket"] ?? ""),
      sync,
    });
  }
  throw new Error(
    `${where}: remote_storage must be { local_path = '…' } or { bucket_name = '…', bucket_region = '…' } for the embedded engine`,
  );
}
