import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PACKAGE_ROOT } from "../project";
import { requireTests, selectSuites } from "./suites";

test("a suite without a test file is an error, not a success of nothing", () => {
  const root = mkdtempSync(join(tmpdir(), "neon-suites-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "regress", "deep"), { recursive: true });
  mkdirSync(join(root, "performance"));
  writeFileSync(join(root, "regress", "deep", "a.test.ts"), "");
  writeFileSync(join(root, "performance", "README.md"), "");
  requireTests({ root, isClone: true }, ["regress"]);
  expect(() => requireTests({ root, isClone: true }, ["regress", "performance"])).toThrow(
    /^UNKNOWN_TEST: .*in performance yet/,
  );
  expect(() => requireTests({ root, isClone: true }, ["pg_clients"])).toThrow(/^UNKNOWN_TEST: .*in pg_clients yet/);
});

test("tests of the command are self-tests", () => {
  const { suites, filters } = selectSuites(
    { root: PACKAGE_ROOT, isClone: true },
    ["scripts/runner/suites.test.ts"],
    PACKAGE_ROOT,
  );
  expect({ suites, filters }).toEqual({ suites: ["harness"], filters: ["scripts/runner/suites.test.ts"] });
});
