import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { HarnessError } from "../types";
import { giveToNodes } from "./context";
import type { NodeContext } from "./context";

/**
 * Where templates of databases are kept over runs. The nodes' user owns it, and nobody else may write to it, for the
 * nodes' Postgres reads its configuration there. Throws UNREADABLE_PATH.
 */
export function templateDirectory(context: Pick<NodeContext, "engine">): string {
  const uid = context.engine.facts.identity?.uid ?? process.getuid?.() ?? 0;
  const path = join("/var/tmp", `neon-test-templates-${uid}`);
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    giveToNodes(context, path);
  }
  const facts = lstatSync(path);
  if (facts.isDirectory() && facts.uid === uid && (facts.mode & 0o022) === 0) return path;
  throw new HarnessError("UNREADABLE_PATH", {
    summary: `cannot keep database templates in ${path}`,
    expected: `a directory that belongs to uid ${uid}, who the nodes run as, and that nobody else can write to`,
    found: `owner uid ${facts.uid}, mode ${(facts.mode & 0o7777).toString(8)}`,
    todo: "remove it",
  });
}
