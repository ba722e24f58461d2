import { expect, test } from "vitest";
import type { BinaryFacts } from "./binary-facts";
import { describeBuild } from "./describe-build";
import { readOnlyData } from "./read-only-data";

const [OLD, NEW] = ["c47c5f4acefa1cd2edbe0f39dac8cefd2fc95284", "0123456789abcdef0123456789abcdef01234567-modified"];
const binary = (name: BinaryFacts["name"], facts: Partial<BinaryFacts> = {}): BinaryFacts => ({
  ...{ name, versionLine: "", revision: OLD, profile: "release" },
  ...facts,
});

test.for<[string, BinaryFacts[], string]>([
  ["of one build", [binary("pageserver"), binary("safekeeper")], "Neon c47c5f4ace, release build, testing"],
  [
    "of which one doesn't tell",
    [binary("pageserver"), binary("compute_ctl", { revision: undefined, profile: undefined })],
    "Neon c47c5f4ace, release build, testing",
  ],
  [
    "of two revisions",
    [binary("pageserver"), binary("safekeeper", { revision: NEW })],
    "Neon of MIXED REVISIONS (c47c5f4ace: pageserver; 0123456789-modified: safekeeper), release build, testing",
  ],
  [
    "of two profiles",
    [binary("pageserver"), binary("safekeeper", { profile: "debug" })],
    "Neon c47c5f4ace, MIXED BUILDS (release: pageserver; debug: safekeeper), testing",
  ],
])("binaries %s are named", ([, binaries, text]) => {
  expect(describeBuild(binaries, new Set(["testing"]))).toBe(text);
});

test("a build without the testing feature is named", () => {
  expect(describeBuild([], new Set())).toBe("Neon, without the testing feature");
});

test.runIf(process.platform === "linux")("a program's constants are found", async () => {
  expect((await readOnlyData(process.execPath))?.includes(process.version)).toBe(true);
  expect(await readOnlyData(import.meta.filename)).toBeUndefined();
});
