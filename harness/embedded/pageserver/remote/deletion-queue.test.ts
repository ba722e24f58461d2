import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../../service";
import { DeletionQueue, generationKey, type ValidateGenerations } from "./deletion-queue";
import { LocalFs } from "./local-fs";

const SHARD = "1".repeat(32);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "deletion-queue-"));
  mkdirSync(join(root, "dir"));
  for (const name of ["a", "b"]) writeFileSync(join(root, "dir", name), name);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const queue = (validate: ValidateGenerations): DeletionQueue =>
  new DeletionQueue(
    new LocalFs(root, { sync: false }),
    validate,
    createLogger(() => undefined),
  );

const push = (deletions: DeletionQueue, generation: number, key: string): void =>
  deletions.push({ shardId: SHARD, generation, keys: [`dir/${key}`], done: () => undefined });

test("only what the current generation gave up is deleted; the rest is dropped", async () => {
  const deletions = queue(async (shards) => new Set(shards.filter(({ gen }) => gen === 7).map(generationKey)));
  push(deletions, 6, "a");
  push(deletions, 7, "b");
  await deletions.flush();
  expect([existsSync(join(root, "dir/a")), existsSync(join(root, "dir/b"))]).toEqual([true, false]);
  expect(deletions.counts).toEqual({ submitted: 2, executed: 1, dropped: 1 });
});

test("nothing is deleted while nobody can say which generation is current, and it is tried again", async () => {
  let isUp = false;
  const deletions = queue((shards) =>
    isUp ? Promise.resolve(new Set(shards.map(generationKey))) : Promise.reject(new Error("no answer")),
  );
  push(deletions, 1, "a");
  await deletions.flush();
  expect(existsSync(join(root, "dir/a"))).toBe(true);
  isUp = true;
  await deletions.flush();
  expect(existsSync(join(root, "dir/a"))).toBe(false);
  await deletions.close();
});
