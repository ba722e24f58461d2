import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeTestDirectory } from "../testing";
import { programContains } from "./program-text";

test("a literal is found in a script, and in the constants of a compiled program", async () => {
  const dir = makeTestDirectory("neon-program");
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const script = join(dir, "pageserver");
  writeFileSync(script, '#!/usr/bin/env node\nfailpoint("before-upload");');
  expect(await programContains(script, "before-upload")).toBe(true);
  expect(await programContains(script, "before-uplaod")).toBe(false);
  // node is the one compiled program that is here for sure; where it is no ELF, it is read as a whole.
  expect(await programContains(process.execPath, "NODE_OPTIONS")).toBe(true);
  expect(await programContains(process.execPath, "no-such-failpoint-in-node")).toBe(false);
});
