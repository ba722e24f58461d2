import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { identity, makeTestDirectory } from "../testing";
import { requireOutputDirectory } from "./output-directory";
import { TestDirectory } from "./test-directory";

function outputDirectory(): string {
  const dir = makeTestDirectory("neon-output");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "output");
}

test("a directory is made new for the next run, and goes without a trace", () => {
  const output = outputDirectory();
  const first = TestDirectory.create(output, "suite/file some test, with (signs)", identity);
  expect(first.path).toBe(join(output, "suite-file-some-test-with-signs"));
  writeFileSync(join(first.workPath, "node.log"), "text");
  expect(first.keep()).toBe(first.path);
  expect(readdirSync(first.path)).toEqual(["node.log"]);
  const second = TestDirectory.create(output, "suite/file some test, with (signs)", identity);
  expect(second.path).toBe(first.path);
  expect(existsSync(join(second.path, "node.log"))).toBe(false);
  second.remove();
  expect(existsSync(output)).toBe(false);
});

test("two runs that are at the same test don't remove each other's files", () => {
  const output = outputDirectory();
  const one = TestDirectory.create(output, "the test", identity);
  writeFileSync(join(one.workPath, "mine"), "one");
  const two = TestDirectory.create(output, "the test", identity);
  expect(two.path).toBe(`${one.path}-2`);
  two.remove();
  expect(readFileSync(join(one.workPath, "mine"), "utf8")).toBe("one");
});

test("the directory of a run that was killed is replaced", () => {
  const output = outputDirectory();
  const dead = join(output, "the-test");
  mkdirSync(dead, { recursive: true });
  writeFileSync(join(dead, ".in-use"), JSON.stringify({ pid: process.pid, startTime: "another process'" }));
  writeFileSync(join(dead, "old"), "old");
  expect(TestDirectory.create(output, "the test", identity).path).toBe(dead);
  expect(existsSync(join(dead, "old"))).toBe(false);
});

test.runIf(identity !== undefined)(
  "where the nodes' user can't get in, it works elsewhere and leaves all in place",
  () => {
    const output = outputDirectory();
    mkdirSync(output);
    chmodSync(output, 0o700);
    const directory = TestDirectory.create(output, "closed", identity);
    expect(directory.workPath).not.toContain(output);
    expect((statSync(directory.workPath).mode & 0o777).toString(8)).toBe("755");
    writeFileSync(join(directory.workPath, "node.log"), "text", { mode: 0o644 });
    expect(directory.keep()).toBe(join(output, "closed"));
    expect(readdirSync(directory.path)).toEqual(["node.log"]);
    expect((statSync(directory.path).mode & 0o777).toString(8)).toBe("755");
    expect(existsSync(directory.workPath)).toBe(false);
  },
);

test("a TEST_OUTPUT that can't be written to is one error of the user's", () => {
  const output = outputDirectory();
  writeFileSync(output, "a file");
  const error = {
    code: "UNREADABLE_PATH",
    fault: "user",
    message: expect.stringMatching(/expected: .*output(.|\n)*found: E[A-Z]+\n.*TEST_OUTPUT/) as unknown,
  };
  expect(() => requireOutputDirectory(join(output, "below"))).toThrow(expect.objectContaining(error));
  expect(() => requireOutputDirectory(output)).toThrow(expect.objectContaining(error));
  expect(() => TestDirectory.create(output, "a test", identity)).toThrow(expect.objectContaining(error));
});

test("to ask whether TEST_OUTPUT can be used leaves nothing", () => {
  const output = outputDirectory();
  requireOutputDirectory(output);
  expect(existsSync(output)).toBe(false);
});
