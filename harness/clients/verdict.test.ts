import { expect, test } from "vitest";
import { CHECKS, EXPECTED } from "./checks";
import type { Driver } from "./driver";
import { judge, problemsOf } from "./verdict";

const target = { host: "localhost", port: 1, database: "d", user: "client", password: "p" };
const driver: Driver = {
  name: "cobol/pg",
  folder: "/nowhere",
  tools: [],
  get: "",
  lock: [],
  fetch: [],
  build: [],
  run: ["true"],
  lacks: { copy: "it has no COPY" },
};
const GOOD = CHECKS.map((check) => `${check}\tvalue\t${EXPECTED[check] ?? "client"}`);

const verdict = (lines: readonly string[], end: { exitCode?: number | undefined; isOverTime?: boolean } = {}) => {
  const program = { exitCode: 0, isOverTime: false, stdout: lines.join("\n"), stderr: "", ...end };
  const results = judge(driver, program, target);
  return { states: results.map(({ state }) => state), problems: problemsOf(driver, program, results) };
};

const with_ = (check: string, line: string): string[] =>
  GOOD.map((good) => (good.startsWith(`${check}\t`) ? line : good));

test("a program that finds everything has no problems; chatter between its lines is nobody's business", () => {
  const { states, problems } = verdict(["Picked up JDK_JAVA_OPTIONS", ...GOOD, "bye"]);
  expect(states).toEqual(CHECKS.map(() => "ok"));
  expect(problems).toBe("");
});

test.for([
  { name: "a wrong value", lines: with_("rows", "rows\tvalue\t999 499500"), says: "rows: 999 499500, not 1000 500500" },
  { name: "an error", lines: with_("copy", "copy\terror\tE broken pipe"), says: "copy: E broken pipe" },
  { name: "a skip that the manifest doesn't know", lines: with_("cancel", "cancel\tskipped\ttired"), says: "tired" },
  { name: "silence", lines: GOOD.slice(0, -1), says: "cancel: not reached" },
  { name: "somebody else's user", lines: with_("connect", "connect\tvalue\tpostgres"), says: "postgres, not client" },
])("$name is a problem, with its words", ({ lines, says }) => {
  expect(verdict(lines).problems).toContain(says);
});

test("what the manifest says that a driver lacks may be skipped", () => {
  const { states, problems } = verdict(with_("copy", "copy\tskipped\tno COPY"));
  expect(states).toContain("lacking");
  expect(problems).toBe("");
});

test("an exit code is a problem even where every check found what it must", () => {
  expect(verdict(GOOD, { exitCode: 3 }).problems).toContain("exit code 3");
});

test("where time was up, the first check without an answer took it", () => {
  const { states, problems } = verdict(GOOD.slice(0, 3), { exitCode: undefined, isOverTime: true });
  expect(states.slice(3)).toEqual(["failed", ...CHECKS.slice(4).map(() => "not reached")]);
  expect(problems).toContain("prepared: no end within its time");
});
