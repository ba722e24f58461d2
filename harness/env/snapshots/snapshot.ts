import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { copyTree } from "../../nodes";
import { registerDirectory } from "../../process";
import type { NeonEnv } from "../neon-env";
import type { NeonEnvSettings } from "../settings";
import { withBuildLock } from "./build-lock";
import { saveObjects } from "./objects";

/** Changes whenever the way a snapshot is taken does, so that no older one is used. */
const RECIPE = 1;
const NOT_KEPT = ["endpoints", "storage_controller_db.log", "storage_broker.log"] as const;

/** What a snapshot depends on besides its name: who would get another one must not get this. */
export function snapshotKey(settings: NeonEnvSettings, facts: { buildKey: string; maker: string }): string {
  // Ids are chosen anew for every environment, and the snapshot brings its own.
  const { initialTenant: _tenant, initialTimeline: _timeline, preserveDatabaseFiles: _keep, ...rest } = settings;
  const text = JSON.stringify({ ...rest, ...facts, RECIPE }, (_key, value: unknown) =>
    typeof value === "function" ? String(value) : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}

/**
 * The directory at `path`, which `make` fills once, whatever number of workers and runs ask for it: the first one
 * builds, the others wait. It appears whole or not at all.
 */
export async function sharedSnapshot(path: string, make: (draft: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path;
  await withBuildLock(`${path}.lock`, async () => {
    if (existsSync(path)) return;
    const draft = `${path}.${randomUUID()}`;
    mkdirSync(draft, { mode: 0o755 });
    registerDirectory(draft);
    try {
      await make(draft);
      renameSync(draft, path);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  });
  return path;
}

/** Copies what a stopped environment has to keep. */
export async function copyForSnapshot(env: NeonEnv, draft: string): Promise<void> {
  const { database } = env.storageController;
  await copyTree(env.repoDir, draft);
  for (const name of NOT_KEPT) rmSync(join(draft, name), { recursive: true, force: true });
  await saveObjects(env, draft);
  if (database === undefined) return;
  // It is a link to tmpfs, which goes with the environment.
  const copied = join(draft, "storage_controller_db");
  rmSync(copied, { recursive: true });
  mkdirSync(copied, { mode: 0o700 });
  await copyTree(realpathSync(database.dataDir), copied);
  for (const name of readdirSync(copied)) if (name === "postmaster.pid") rmSync(join(copied, name));
}
