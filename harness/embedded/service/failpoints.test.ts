import { afterEach, describe, expect, test, vi } from "vitest";
import { parseFailpointActions } from "./failpoint-actions";
import { failAt, failpoint, FailpointError, setFailpoint, sleepAt, startFailpoints } from "./failpoints";
import { createLogger } from "./log";

const lines: string[] = [];
const log = createLogger((line) => lines.push(line), "info");
afterEach(() => {
  vi.restoreAllMocks();
  for (const name of ["a", "b"]) setFailpoint(name, "off");
  lines.length = 0;
});

describe("actions", () => {
  test.each([
    ["return", [{ task: "return", argument: undefined }]],
    ["return(a(b)c)", [{ task: "return", argument: "a(b)c" }]],
    ["3*return(x)->off", [{ task: "return", left: 3 }, { task: "off" }]],
    ["50%2*sleep(10)", [{ task: "sleep", argument: "10", frequency: 0.5, left: 2 }]],
    ["pause", [{ task: "pause" }]],
    ["exit", [{ task: "exit" }]],
  ])("%s", (text, actions) => {
    expect(parseFailpointActions(text)).toMatchObject(actions);
  });

  test.each([
    ["zzz", 'unrecognized command "zzz"'],
    ["", 'unrecognized command ""'],
    ["return(", "parentheses do not match"],
    ["x%return", "failed to parse frequency"],
    ["-1*return", "failed to parse count"],
    ["sleep", "sleep require timeout"],
    ["sleep(soon)", "failed to parse timeout"],
    ["return->5*exit(1)", 'unrecognized command "exit"'],
  ])("%s is refused", (text, message) => {
    expect(() => parseFailpointActions(text)).toThrow(message);
  });
});

test("a place that nobody set does nothing; one that returns gives its argument", async () => {
  expect(await failpoint("a")).toBeUndefined();
  setFailpoint("a", "return(7)");
  expect(await failpoint("a")).toBe("7");
  setFailpoint("a", "return");
  expect(await failpoint("a")).toBe("");
  await expect(failAt("a")).rejects.toThrow(FailpointError);
});

test("a count is used up, and what comes behind it follows", async () => {
  setFailpoint("a", "2*return(x)->1*return(y)->off");
  const seen = [await failpoint("a"), await failpoint("a"), await failpoint("a"), await failpoint("a")];
  expect(seen).toEqual(["x", "x", "y", undefined]);
});

test("a percentage is a chance", async () => {
  vi.spyOn(Math, "random").mockReturnValueOnce(0.2).mockReturnValueOnce(0.3);
  setFailpoint("a", "25%return(x)");
  expect([await failpoint("a"), await failpoint("a")]).toEqual(["x", undefined]);
});

test("a pause ends when the failpoint is set anew, or with the signal", async () => {
  startFailpoints(log, "a=pause;b=pause");
  const abort = new AbortController();
  const paused = [failpoint("a"), failpoint("b", abort.signal)];
  expect(await Promise.race([...paused, new Promise((resolve) => setTimeout(resolve, 20, "still"))])).toBe("still");
  setFailpoint("a", "off");
  abort.abort();
  expect(await Promise.all(paused)).toEqual([undefined, undefined]);
  expect(lines.join("")).toContain("at failpoint a");
});

test("sleep(ms) and, where Neon sleeps asynchronously, return(ms) take their time", async () => {
  for (const [actions, at] of [["sleep(30)", failpoint] as const, ["return(30)", sleepAt] as const]) {
    setFailpoint("a", actions);
    const begin = performance.now();
    await at("a");
    expect(performance.now() - begin).toBeGreaterThan(25);
  }
});

test("FAILPOINTS that cannot be read stop the start", () => {
  expect(() => startFailpoints(log, "a")).toThrow("invalid failpoint: a");
  expect(() => startFailpoints(log, "a=zzz")).toThrow("unrecognized command");
});
