import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { claimDirectory } from "./output-directory";

test(
  "a test gets its directory although others remove the empty output directory all the time",
  { timeout: 20_000 },
  async () => {
    const root = mkdtempSync(join(tmpdir(), "neon-output-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const output = join(root, "test_output");
    const remover = spawn(process.execPath, [
      "-e",
      `const { rmdirSync } = require("node:fs");
     process.stdout.write("ready");
     for (const end = Date.now() + 5000; Date.now() < end; ) try { rmdirSync(process.argv[1]); } catch {}`,
      output,
    ]);
    onTestFinished(() => void remover.kill("SIGKILL"));
    await once(remover.stdout, "data");
    for (let n = 0; n < 300; n += 1) {
      expect(claimDirectory(join(output, "one"))).toBe(join(output, "one"));
      rmSync(join(output, "one"), { recursive: true });
    }
  },
);

test("an output directory that is a link to nowhere is an error at once", () => {
  const root = mkdtempSync(join(tmpdir(), "neon-output-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  symlinkSync(join(root, "nowhere"), join(root, "test_output"));
  const begin = performance.now();
  expect(() => claimDirectory(join(root, "test_output", "one"))).toThrow(/ENOENT/);
  expect(performance.now() - begin).toBeLessThan(1000);
});

test("what an earlier run has left is replaced, what a run has that goes on is not", () => {
  const root = mkdtempSync(join(tmpdir(), "neon-output-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, "test_output", "one");
  for (const left of ["file", "folder", "failure"]) {
    if (left === "file") writeFileSync(makeParent(path), "");
    else mkdirSync(path);
    if (left === "failure") writeFileSync(join(path, "pageserver.log"), "");
    expect(claimDirectory(path)).toBe(path);
    expect(readdirSync(path)).toEqual([".in-use"]);
    expect(claimDirectory(path)).toBe(`${path}-2`);
    expect(readdirSync(join(root, "test_output")).toSorted()).toEqual(["one", "one-2"]);
    for (const each of [path, `${path}-2`]) rmSync(each, { recursive: true });
  }
});

function makeParent(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  return path;
}
