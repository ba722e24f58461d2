import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Directories of the nodes that hold data, not what a person reads first: layers, WAL, databases, remote storage. */
const DATA = /^(?:tenants|pgdata|storage_controller_db|local_fs_remote_storage|[0-9a-f]{32})$/;

/** Removes the nodes' data below a test's directory; logs, configurations and what the test itself wrote stay. */
export function dropData(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    // A link to a data directory on tmpfs goes as a link.
    if (DATA.test(entry.name)) rmSync(path, { recursive: true, force: true });
    else if (entry.isDirectory()) dropData(path);
  }
}
