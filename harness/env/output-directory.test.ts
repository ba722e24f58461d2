import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
