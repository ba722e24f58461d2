import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { list } from "tar";
import { expect, onTestFinished, test } from "vitest";
import { packEverything } from "./pack";

const zstd = ["/usr/bin/zstd", "/usr/local/bin/zstd", "/opt/homebrew/bin/zstd"].find((path) => existsSync(path));

/** Read by the system's zstd, which knows nothing of ours. */
test.skipIf(zstd === undefined)("everything.tar.zst has every file, also beyond one frame", async () => {
  const directory = mkdtempSync(join(tmpdir(), "neon-test-self-pack-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const text = Array.from({ length: 400_000 }, (_, index) => `${index} `).join("");
  const names = ["a.log", "b.log", "c.log"];
  for (const name of names) writeFileSync(join(directory, name), `${name} ${text}`);
  const packed = await packEverything(directory);
  const file = join(directory, "everything.tar");
  execFileSync(zstd ?? "", ["-q", "-d", packed, "-o", file]);
  const found: string[] = [];
  list({ file, sync: true, onReadEntry: ({ path, size }) => found.push(`${path} ${size}`) });
  expect(found.toSorted()).toEqual(names.map((name) => `${name} ${name.length + 1 + text.length}`));
});

test("a process packs more than once", async () => {
  const directory = mkdtempSync(join(tmpdir(), "neon-test-self-pack-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "a.log"), "a");
  await packEverything(directory);
  rmSync(join(directory, "everything.tar.zst"));
  expect(existsSync(await packEverything(directory))).toBe(true);
});
