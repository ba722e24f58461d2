import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTestDirectory } from "../testing";
import { collectEvidence } from "./evidence";

test("evidence is what stands in the directory, not where links lead", () => {
  const [directory, elsewhere] = [makeTestDirectory("evidence"), makeTestDirectory("elsewhere")];
  mkdirSync(join(directory, "endpoints", "ep-1"), { recursive: true });
  writeFileSync(join(directory, "endpoints", "ep-1", "compute.log"), "started\n");
  writeFileSync(join(elsewhere, "stranger.log"), "nobody's business\n");
  symlinkSync(elsewhere, join(directory, "endpoints", "ep-1", "pg_dynshmem"));
  symlinkSync(join(elsewhere, "stranger.log"), join(directory, "linked.log"));
  symlinkSync("/nowhere", join(directory, "broken.log"));
  const { logs } = collectEvidence(directory, { passed: true });
  expect(logs).toMatchObject([{ path: "endpoints/ep-1/compute.log", node: "ep-1", text: "started\n" }]);
});
