import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseOptions } from "./options";
import { requireTests } from "./suites";
import { up } from "./up";

test("a suite without a test file is an error, not a success of nothing", () => {
  const root = mkdtempSync(join(tmpdir(), "neon-suites-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "regress", "deep"), { recursive: true });
  mkdirSync(join(root, "performance"));
  writeFileSync(join(root, "regress", "deep", "a.test.ts"), "");
  writeFileSync(join(root, "performance", "README.md"), "");
  requireTests(root, ["regress"]);
  expect(() => requireTests(root, ["regress", "performance"])).toThrow(/^UNKNOWN_TEST: .*in performance yet/);
  expect(() => requireTests(root, ["pg_clients"])).toThrow(/^UNKNOWN_TEST: .*in pg_clients yet/);
});

test.for([
  ["up", "more"],
  ["up", "-k", "x"],
  ["up", "-n", "2"],
  ["up", "--list"],
  ["up", "--", "--bail"],
])("%j is refused before anything starts", async (argv) => {
  await expect(up(parseOptions(argv))).rejects.toThrow(/^BAD_ARGUMENT: up takes no further arguments/);
});
