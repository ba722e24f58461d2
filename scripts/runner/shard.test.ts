import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { shuffled } from "../../harness/types";
import { PACKAGE_ROOT } from "../project";
import { Durations } from "./durations";
import { describeShard, planShards } from "./shard";

const recorded = JSON.parse(readFileSync(join(PACKAGE_ROOT, "durations.json"), "utf8")) as Record<string, number>;
const regress = Object.entries(recorded)
  .filter(([name]) => name.startsWith("regress/"))
  .map(([name, seconds]) => ({ name, seconds }));

test.for([2, 3, 4])("%i shards of regress are planned to take equally long, to a tenth", (count) => {
  const plan = planShards(regress, count);
  expect(plan.spread).toBeLessThanOrEqual(1.1);
  expect(plan.shards.flat().toSorted(byName)).toEqual(regress.toSorted(byName));
});

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

test("every machine makes the same plan, in whatever order it found the tests", () => {
  const plan = planShards(regress, 3);
  expect(planShards(shuffled(regress, 7), 3)).toEqual(plan);
  expect(shuffled(regress, 7)).not.toEqual(regress);
  expect(shuffled(regress, 7)).toEqual(shuffled(regress, 7));
});

test("more shards than tests leave some empty", () => {
  const plan = planShards([{ name: "only", seconds: 3 }], 2);
  expect(plan.shards.map((shard) => shard.length)).toEqual([1, 0]);
  expect(describeShard({ index: 2, count: 2 }, plan)).toBe("shard 2/2: 0 of 1 tests, planned 0 s of 3 s, spread 2.00");
});

test("durations: a new test is guessed from its file, measured ones are kept, those of files that are gone go", () => {
  const root = mkdtempSync(join(tmpdir(), "neon-durations-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  expect(Durations.load(root).of("a > new")).toBe(2);
  const file = join(root, "durations.json");
  writeFileSync(file, JSON.stringify({ "a > x": 1, "a > y": 5, "a > z": 9, "gone > x": 100 }));
  writeFileSync(join(root, "a.test.ts"), "");
  const durations = Durations.load(root);
  expect([durations.of("a > y"), durations.of("a > new"), durations.of("b > new")]).toEqual([5, 5, 9]);
  expect([durations.countIn("a"), durations.inFile("a")]).toEqual([3, 15]);
  durations.update(new Map([["a > x", 1.2345]]));
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ "a > x": 1.23, "a > y": 5, "a > z": 9 });
  writeFileSync(file, "{");
  expect(() => Durations.load(root)).toThrow(/^BAD_CONFIG: .*durations\.json can't be read(.|\n)*--update-durations/);
});
