import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { copyTree, giveToNodes, makeNodeDirectory } from "../../nodes";
import { HarnessError } from "../../types";
import type { NeonEnv } from "../neon-env";
import { loadObjects } from "./objects";

/** What an environment keeps from one life to the next; everything else is written anew, for the ports are others. */
const STATE = ["tenants", "deletion"] as const;
const LOGS_AND_PIDS = /\.(log|pid)$/;

/** Fills the configured environment with the state of another's repo, which must be stopped. Throws BAD_CONFIG. */
export async function copyRepo(from: string, env: NeonEnv): Promise<void> {
  requireSameNodes(from, env);
  const copies = [
    ...env.pageservers.flatMap((pageserver) =>
      STATE.map((dir) => copy(join(from, `pageserver_${pageserver.id}`, dir), join(pageserver.workdir, dir), env)),
    ),
    ...env.safekeepers.map((sk) => copy(join(from, "safekeepers", `sk${sk.id}`), sk.dataDir, env)),
    copy(join(from, "local_fs_remote_storage"), join(env.repoDir, "local_fs_remote_storage"), env),
    env.storageController.adoptState(
      join(from, "storage_controller_db"),
      env.pageservers.map(({ id, pgPort, settings }) => ({ id, pgPort, httpPort: settings.httpPort })),
    ),
  ];
  await Promise.all(copies);
  await loadObjects(from, env);
}

async function copy(from: string, to: string, env: NeonEnv): Promise<void> {
  if (!existsSync(from)) return;
  makeNodeDirectory(env, to);
  await copyTree(from, to);
  giveToNodes(env, to);
  for (const name of readdirSync(to)) if (LOGS_AND_PIDS.test(name)) rmSync(join(to, name));
}

function requireSameNodes(from: string, env: NeonEnv): void {
  const has = {
    pageservers: idsIn(from, /^pageserver_(\d+)$/),
    safekeepers: idsIn(join(from, "safekeepers"), /^sk(\d+)$/),
  };
  const wants = { pageservers: env.pageservers.map((ps) => ps.id), safekeepers: env.safekeepers.map((sk) => sk.id) };
  for (const kind of ["pageservers", "safekeepers"] as const) {
    if (has[kind].join() === wants[kind].join()) continue;
    throw staleRepo(from, `${kind} ${wants[kind].join(", ")}`, `${kind} ${has[kind].join(", ") || "none"}`, {
      todo: "say numPageservers, numSafekeepers and safekeepersIdStart as they were when the directory was made",
    });
  }
  const isPostgres = existsSync(join(from, "storage_controller_db", "PG_VERSION"));
  if (isPostgres === (env.storageController.database !== undefined)) return;
  const names = { true: "a Postgres database", false: "a file" };
  throw staleRepo(from, `storage_controller_db to be ${names[`${!isPostgres}`]}`, names[`${isPostgres}`], {
    todo: "use the engine that made the directory: NEON_BIN decides which one it is",
  });
}

function staleRepo(dir: string, expected: string, found: string, more: { todo: string }): HarnessError {
  const summary = `${dir} is of another kind than this environment`;
  return new HarnessError("BAD_CONFIG", { summary, expected, found, ...more, facts: { dir } });
}

function idsIn(dir: string, pattern: RegExp): number[] {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}
