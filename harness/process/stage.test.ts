import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { canTraverse } from "./access";
import { stage } from "./stage";
import { nodeProgram, temporaryDirectory } from "./test-tools";

const us = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, name: "us" };
// Someone whom only the mode bits for all others concern.
const stranger = { uid: 54_321, gid: 54_321, name: "stranger" };

/** `<path>/private` (0700) with a small tree in it, and an open folder for the cache. */
async function privateTree() {
  const directory = await temporaryDirectory();
  chmodSync(directory.path, 0o755);
  const tree = join(directory.path, "private", "tree");
  mkdirSync(join(tree, "bin"), { recursive: true });
  writeFileSync(join(tree, "bin", "program"), "#!/bin/sh\necho staged\n");
  chmodSync(join(tree, "bin", "program"), 0o700);
  writeFileSync(join(tree, "data"), "data");
  chmodSync(join(tree, "data"), 0o600);
  symlinkSync("data", join(tree, "link"));
  writeFileSync(join(directory.path, "private", "outside"), "outside");
  symlinkSync("../outside", join(tree, "leads-out"));
  chmodSync(dirname(tree), 0o700);
  return Object.assign(directory, { tree, options: { cacheDir: join(directory.path, "cache") } });
}

test("mode bits of the folders on the way count", async () => {
  await using place = await privateTree();
  expect(canTraverse(join(place.tree, "data"), us)).toBe(true);
  expect(canTraverse(place.path, stranger)).toBe(true);
  expect(canTraverse(join(place.tree, "data"), stranger)).toBe(false);
  chmodSync(dirname(place.tree), 0o711);
  expect(canTraverse(join(place.tree, "data"), stranger)).toBe(false);
  chmodSync(join(place.tree, "data"), 0o644);
  expect(canTraverse(join(place.tree, "data"), stranger)).toBe(true);
});

test("what can be read, and a run that drops to nobody, are left alone", async () => {
  await using place = await privateTree();
  expect(await stage(place.tree, us, place.options)).toBe(place.tree);
  expect(await stage(place.tree, undefined, place.options)).toBe(place.tree);
  expect(existsSync(place.options.cacheDir)).toBe(false);
});

test("a private tree is copied once, readable for all, with its links and what they lead to", async () => {
  await using place = await privateTree();
  const staged = await stage(place.tree, stranger, place.options);
  expect(staged.startsWith(place.options.cacheDir)).toBe(true);
  for (const file of ["bin/program", "data", "link", "leads-out"]) {
    expect(canTraverse(join(staged, file), stranger)).toBe(true);
    expect(readFileSync(join(staged, file), "utf8")).toBe(readFileSync(join(place.tree, file), "utf8"));
  }
  expect(statSync(join(staged, "bin/program")).mode & 0o777).toBe(0o755);
  const before = statSync(join(staged, "data")).ino;
  expect(await stage(place.tree, stranger, place.options)).toBe(staged);
  expect(statSync(join(staged, "data")).ino).toBe(before);
});

test("a changed source is a new copy, and a copy that nobody used for a day goes", async () => {
  await using place = await privateTree();
  const old = await stage(place.tree, stranger, place.options);
  writeFileSync(join(place.tree, "data"), "other data");
  const twoDaysAgo = new Date(Date.now() - 48 * 3600 * 1000);
  utimesSync(dirname(old), twoDaysAgo, twoDaysAgo);
  const fresh = await stage(place.tree, stranger, place.options);
  expect(readFileSync(join(fresh, "data"), "utf8")).toBe("other data");
  expect(existsSync(old)).toBe(false);
});

test("those who stage the same at the same time get the same whole copy, and no drafts are left", async () => {
  await using place = await privateTree();
  const all = await Promise.all(Array.from({ length: 8 }, async () => stage(place.tree, stranger, place.options)));
  expect(new Set(all).size).toBe(1);
  expect(readdirSync(place.options.cacheDir)).toHaveLength(1);
});

test("a single file", async () => {
  await using place = await privateTree();
  const staged = await stage(join(place.tree, "bin", "program"), stranger, place.options);
  expect(staged).toMatch(/\/cache\/.*\/program$/);
  expect(statSync(staged).mode & 0o777).toBe(0o755);
});

test("a cache that others can write to is refused, for what stands in it gets executed", async () => {
  await using place = await privateTree();
  mkdirSync(place.options.cacheDir);
  chmodSync(place.options.cacheDir, 0o777);
  await expect(stage(place.tree, stranger, place.options)).rejects.toThrow(/UNREADABLE_PATH[\s\S]*mode 777/);
});

test.runIf(us.uid === 0)("started by root, the stranger can execute the copy, but not the source", async () => {
  await using place = await privateTree();
  const staged = await stage(place.tree, stranger, place.options);
  const log = { cwd: "/", logPath: join(place.path, "log"), args: [], identity: stranger };
  const inSource = nodeProgram(place.path, "", { ...log, command: join(place.tree, "bin/program") });
  await expect(inSource).rejects.toThrow("SPAWN_FAILED");
  await using program = await nodeProgram(place.path, "", { ...log, command: join(staged, "bin/program") });
  await program.exited;
  expect(await program.logTail()).toBe("staged");
});
