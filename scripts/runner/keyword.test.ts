import { describe, expect, test } from "vitest";
import { parseKeyword } from "./keyword";

describe("-k", () => {
  test.for([
    ["slow", "regress/slow-reader pageserver stop", true],
    ["SLOW", "regress/slow-reader pageserver stop", true],
    ["slow and not stop", "regress/slow-reader pageserver stop", false],
    ["slow and not detach", "regress/slow-reader pageserver stop", true],
    ["(branch or slow) and stop", "regress/slow-reader pageserver stop", true],
    ["not (branch or slow)", "regress/slow-reader pageserver stop", false],
    ['"pageserver stop"', "regress/slow-reader pageserver stop", true],
  ] as const)("%s on %s: %s", ([expression, name, expected]) => {
    expect(parseKeyword(expression)(name)).toBe(expected);
  });

  test.for(["", "and slow", "slow or", "(slow", "slow stop"])("refuses %j", (expression) => {
    expect(() => parseKeyword(expression)).toThrow(/BAD_ARGUMENT/);
  });
});
