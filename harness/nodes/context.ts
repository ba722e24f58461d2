import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { execa } from "execa";
import type { FailpointGuard } from "../api";
import type { AuthKeys } from "../auth";
import type { Engine } from "../engine";

/** What every node of one environment shares: whose binaries, where, and with which environment variables. */
export interface NodeContext {
  readonly engine: Engine;
  /** The directory that neon_local calls the repo; every node's directory stands in it. */
  readonly repoDir: string;
  /** Exactly what the nodes see, besides what their kind adds. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whose tokens the nodes ask for; without it they trust everyone. */
  readonly authKeys?: AuthKeys | undefined;
  /** Remembers the failpoints that the nodes' clients set, so that the teardown can clear them. */
  readonly failpointGuard?: FailpointGuard | undefined;
}

/** Makes a directory that the nodes can write into, whoever started the harness. */
export function makeNodeDirectory(context: Pick<NodeContext, "engine">, path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  giveToNodes(context, path);
}

/** Writes a file that the nodes can read and rewrite. */
export function writeNodeFile(context: NodeContext, path: string, text: string | Buffer): void {
  writeFileSync(path, text, { mode: 0o644 });
  giveToNodes(context, path);
}

/** Copies what stands in `from` into the directory `to`, which must exist; whoever owns the files owns the copies. */
export async function copyTree(from: string, to: string): Promise<void> {
  await execa("cp", ["-Rp", `${from}/.`, to], { cwd: "/" });
}

export function giveToNodes(context: Pick<NodeContext, "engine">, path: string): void {
  const identity = context.engine.facts.identity;
  if (identity !== undefined) chownSync(path, identity.uid, identity.gid);
}
