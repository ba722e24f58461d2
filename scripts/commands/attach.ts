import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LogStream } from "../../harness/nodes";
import { findKept, isTakenDown, listKept } from "../../harness/process";
import type { KeptEnvironment } from "../../harness/process";
import { defineCommand } from "../command/command";
import { oneId } from "./kept-id";

const LOOK_EVERY_MS = 500;

export const attach = defineCommand({
  name: "attach",
  summary: "shows an environment that `--keep on-failure` has left running, and its logs as they grow",
  takes: "[ID]",
  details:
    "Without an ID: lists what is kept. Ctrl-C ends only this command; `neon-test down ID` ends the environment.",
  options: {},
  run: async ({ positionals }) => {
    const id = oneId(positionals);
    if (id === undefined) return printList();
    const kept = findKept(id);
    describe(kept);
    const streams = logsIn(kept.directory).map((path) => LogStream.follow(nodeOf(path), path));
    await untilGone(kept);
    for (const stream of streams) stream[Symbol.dispose]();
    return 0;
  },
});

function printList(): number {
  const all = listKept();
  for (const kept of all) process.stdout.write(`${kept.id}  ${minutesLeft(kept)} min left  ${kept.test}\n`);
  process.stdout.write(`${all.length} environments are kept\n`);
  return 0;
}

function describe(kept: KeptEnvironment): void {
  process.stdout.write(`${kept.test}, kept for ${minutesLeft(kept)} more minutes\n`);
  for (const line of kept.description) process.stdout.write(`  ${line}\n`);
}

const minutesLeft = ({ until }: KeptEnvironment): number => Math.round((until - Date.now()) / 60_000);

/** Until it is taken down, or until Ctrl-C. */
async function untilGone(kept: KeptEnvironment): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isTakenDown(kept)) end();
    }, LOOK_EVERY_MS);
    const end = (): void => {
      clearInterval(timer);
      resolve();
    };
    process.once("SIGINT", end);
  });
}

function logsIn(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names.map((name) => join(directory, name)).filter((path) => path.endsWith(".log") && statSync(path).isFile());
}

const nodeOf = (path: string): string => {
  const stem = basename(path, ".log");
  return stem === "compute" ? basename(dirname(path)) : stem;
};
