import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../../service";
import { DeletionQueue, generationKey, type ValidateGenerations } from "./deletion-queue";
import { LocalFs } from "../../service/remote/local-fs";

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
  expect(deletions.counts).toMatchObject({ submitted: 2, validated: 1, executed: 1, dropped: 1 });
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

test("an LSN is made known only in the current generation, the newest one of each timeline", async () => {
  const asked: unknown[] = [];
  const deletions = queue(async (shards) => {
    asked.push(shards);
    return new Set(shards.filter(({ gen }) => gen === 7).map(generationKey));
  });
  const applied: number[] = [];
  const update = (name: string, generation: number, value: number) =>
    deletions.updateLsn(name, { shardId: SHARD, generation, apply: () => applied.push(value) });
  update("a", 7, 1);
  update("a", 7, 2);
  update("b", 6, 3);
  await deletions.flush();
  expect(applied).toEqual([2]);
  expect(deletions.counts).toMatchObject({ droppedLsnUpdates: 1 });
  expect(asked).toEqual([
    [
      { id: SHARD, gen: 7 },
      { id: SHARD, gen: 6 },
    ],
  ]);
  await deletions.close();
});
