import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { NeonEnv } from "../neon-env";

const FOLDER = "objects";

/** What stands in a bucket is no part of the repo; a folder is, and is copied with it. */
const buckets = (env: NeonEnv) => env.remoteStorages.filter(([, storage]) => storage.kind !== "local_fs");

/** Copies all objects of the environment's buckets into the snapshot. */
export async function saveObjects(env: NeonEnv, draft: string): Promise<void> {
  for (const [user, storage] of buckets(env)) {
    for (const { key } of await storage.list("")) {
      const path = join(draft, FOLDER, user, key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await storage.read(key));
    }
  }
}

/** Copies them into the buckets of an environment that starts from the snapshot. */
export async function loadObjects(from: string, env: NeonEnv): Promise<void> {
  for (const [user, storage] of buckets(env)) {
    const root = join(from, FOLDER, user);
    const files = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
    for (const file of files.filter((each) => each.isFile())) {
      const path = join(file.parentPath, file.name);
      await storage.write(path.slice(root.length + 1), readFileSync(path));
    }
  }
}
