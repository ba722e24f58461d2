import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, expect, test } from "vitest";
import { distribution } from "../harness/testing";
import type { HarnessError } from "../harness/types";
import { parseInvocation } from "./command/parse";
import { test as testCommand } from "./commands/test";
import { up } from "./commands/up";
import { PACKAGE_ROOT } from "./project";
import { selectSuites } from "./runner/suites";
import { neonTest } from "./testing/command";

const CLONE = { root: PACKAGE_ROOT, isClone: true };

/** What a person reads: a code, what was expected and found, no stack; it is their mistake, so the exit code is 2. */
function expectUsersError(error: unknown, code: string, message: RegExp): void {
  expect(error).toMatchObject({ code, fault: "user", message: expect.stringMatching(message) as unknown });
  expect((error as HarnessError).message).toMatch(/\n {2}expected: (.|\n)*\n {2}found: /);
  expect((error as HarnessError).stack).not.toMatch(/^\s+at /m);
}

function thrownBy(action: () => unknown): unknown {
  try {
    return expect.unreachable(`it returned ${JSON.stringify(action())}`);
  } catch (error) {
    return error;
  }
}

test.for<[string[], string, RegExp]>([
  [["--nonsense"], "BAD_ARGUMENT", /--keyword, .*--workers.*\n {2}found: .*--nonsense/],
  [["-z"], "BAD_ARGUMENT", /found: .*-z/],
  [["-k"], "BAD_ARGUMENT", /found: .*-k/],
  [["-n", "0"], "BAD_ARGUMENT", /-n, --workers was .*\n.*from 1 on, or auto\n {2}found: "0"/],
  [["-n", "many"], "BAD_ARGUMENT", /found: "many"/],
  [["-n", "1.5"], "BAD_ARGUMENT", /found: "1.5"/],
  [["-n", "-2"], "BAD_ARGUMENT", /found: /],
  [["-n", ""], "BAD_ARGUMENT", /found: ""/],
  [["--pg-version", "12"], "BAD_PG_VERSION", /one of 14, 15, 16, 17.*\n {2}found: "12"/],
  [["--pg-version", ""], "BAD_PG_VERSION", /found: ""/],
  [["--list=yes"], "BAD_ARGUMENT", /found: .*--list/],
])("neon-test %j is refused", ([argv, code, message]) => {
  expectUsersError(
    thrownBy(() => parseInvocation(testCommand, argv)),
    code,
    message,
  );
});

test.for<[string[], RegExp]>([
  [["more"], /expected: --pg-version\n {2}found: more/],
  [["-k", "x"], /expected: --pg-version\n {2}found: .*-k/],
  [["--", "--bail"], /found: -- --bail/],
])("neon-test up %j is refused", ([argv, message]) => {
  expectUsersError(
    thrownBy(() => parseInvocation(up, argv)),
    "BAD_ARGUMENT",
    message,
  );
});

test.for([["regres"], ["regress/no-such.test.ts"], ["docs"], ["/etc"], ["../regress"]])(
  "%j is no suite, file or folder of tests",
  (positionals) => {
    expectUsersError(
      thrownBy(() => selectSuites(CLONE, positionals, PACKAGE_ROOT)),
      "UNKNOWN_SUITE",
      /expected: a suite \(regress, .*regress\/branching\.test\.ts/,
    );
  },
);

test("good arguments are what they say", () => {
  const parse = (argv: string[]) => parseInvocation(testCommand, argv);
  const options = parse(["regress", "-n", "3", "-xs", "--pg-version", "v16", "--pg-version=16", "--", "--retry=0"]);
  expect(options).toMatchObject({
    positionals: ["regress"],
    rest: ["--retry=0"],
    options: { workers: 3, exitfirst: true, stream: true, list: false, pgVersion: [16] },
  });
  expect(parse(["-n", "auto"]).options["workers"]).toBe("auto");
  expect(selectSuites(CLONE, [], "/")).toEqual({ suites: ["regress"], filters: [] });
  expect(selectSuites(CLONE, ["branching"], `${PACKAGE_ROOT}/regress`)).toEqual({
    suites: ["regress"],
    filters: ["regress/branching.test.ts"],
  });
});

/** A directory with one Postgres, whatever else this machine has. */
const only17 = mkdtempSync(join(tmpdir(), "only-v17-"));
symlinkSync(dirname(dirname(distribution(17).postgres)), join(only17, "v17"));
afterAll(() => rmSync(only17, { recursive: true }));

test.concurrent.for<[string, string[], Record<string, string>, RegExp]>([
  ["an unknown suite", ["regres"], {}, /^neon-test: UNKNOWN_SUITE: there is no suite/],
  ["an engine that isn't there", [], { NEON_BIN: "/none" }, /^neon-test: BINARY_MISSING: NEON_BIN names \/none/],
  [
    "a version that isn't there",
    ["--pg-version", "16"],
    { POSTGRES_DISTRIB_DIR: only17 },
    /^neon-test: POSTGRES_VERSION_MISSING: .* no Postgres 16\n.*\n {2}found: v17/,
  ],
  [
    "a name that no test has",
    ["-k", "nonesuch"],
    {},
    /^neon-test: UNKNOWN_TEST: no test matches -k "nonesuch"\n.*\n.*tests, e\.g\. regress/,
  ],
])("the command ends with exit code 2 and one message for %s", async ([, argv, env, message], { expect: check }) => {
  const { exitCode, stderr } = await neonTest(argv, env);
  check(stderr).toMatch(message);
  check(stderr).not.toMatch(/^\s+at |Error: /m);
  check(exitCode).toBe(2);
});

test("a reader that has enough, as in `neon-test --list | head -1`, ends the command without a word", async () => {
  const command = `"$0" "$1" regress --list | head -1`;
  const main = join(PACKAGE_ROOT, "dist", "command", "main.js");
  const { stdout, stderr } = await execa("sh", ["-c", command, process.execPath, main], { cwd: PACKAGE_ROOT });
  expect([stdout, stderr]).toEqual([expect.stringMatching(/^neon-test: /), ""]);
});
