import { describe, expect, test } from "vitest";
import { parseExpression } from "./expression";
import { nameHas } from "./test-filters";

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
    expect(parseExpression("-k", expression)(nameHas(name))).toBe(expected);
  });

  test.for(["", "and slow", "slow or", "(slow", "slow stop"])("refuses %j", (expression) => {
    expect(() => parseExpression("-k", expression)).toThrow(/BAD_ARGUMENT/);
  });
});
