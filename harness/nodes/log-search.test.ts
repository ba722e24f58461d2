import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeTestDirectory } from "../testing";
import { endOfLogFile, searchLogFile } from "./log-search";

test("a search finds whole lines, and goes on in bytes where the last one ended", () => {
  const dir = makeTestDirectory("neon-log");
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "node.log");
  expect(searchLogFile(path, /anything/)).toBeUndefined();
  // The letters of more than a byte would shift an offset that counts characters.
  writeFileSync(path, "größe eins\ngröße zwei\ngröße drei");
  const first = searchLogFile(path, /größe/g);
  expect(first?.line).toBe("größe eins");
  const second = searchLogFile(path, "größe", first?.cursor);
  expect(second?.line).toBe("größe zwei");
  expect(searchLogFile(path, /drei/, second?.cursor)).toBeUndefined();
  const end = endOfLogFile(path);
  appendFileSync(path, "hundert\ngröße vier\n");
  expect(searchLogFile(path, /drei/, second?.cursor)?.line).toBe("größe dreihundert");
  expect(searchLogFile(path, /größe/, end)?.line).toBe("größe vier");
});
