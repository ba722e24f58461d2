import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { emptyDataDirectory } from "./data-directory";

const directory = mkdtempSync(join(tmpdir(), "data-directory-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("empties the directory behind a link and closes it to others", async () => {
  const real = join(directory, "real");
  mkdirSync(join(real, "base"), { recursive: true });
  writeFileSync(join(real, "base", "1"), "");
  writeFileSync(join(real, "postmaster.pid"), "999999999\n");
  const link = join(directory, "link");
  symlinkSync(real, link);
  expect(await emptyDataDirectory(link)).toBe(real);
  expect(readdirSync(real)).toEqual([]);
  expect(statSync(real).mode & 0o777).toBe(0o700);
});

test("refuses while a postmaster is alive in it", async () => {
  const busy = join(directory, "busy");
  mkdirSync(busy);
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "postgres"], { stdio: "ignore" });
  try {
    writeFileSync(join(busy, "postmaster.pid"), `${child.pid}\n`);
    await expect(emptyDataDirectory(busy)).rejects.toThrow(`another postmaster (pid ${child.pid}) is running`);
    expect(readdirSync(busy)).toEqual(["postmaster.pid"]);
  } finally {
    child.kill("SIGKILL");
  }
});
