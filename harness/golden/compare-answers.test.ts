import { expect, test } from "vitest";
import { compareAnswers } from "./compare-answers";
import type { Answer } from "./compare-answers";
import type { RecordedCall } from "./recording";

const JSON_TYPE = "application/json";

function differencesBetween(recorded: Partial<Answer>, came: Partial<Answer>): string[] {
  const plain: Answer = { status: 200, contentType: JSON_TYPE, body: "null" };
  const [before, after] = [
    { ...plain, ...recorded },
    { ...plain, ...came },
  ];
  const call: RecordedCall = {
    ...{ name: "call", node: "pageserver", port: 1, method: "GET", path: "/", body: "" },
    ...{ status: before.status, contentType: before.contentType, answer: before.body },
  };
  return compareAnswers(call, after).map((found) => `${found.recorded} → ${found.came}`);
}

const body = (value: unknown): Partial<Answer> => ({ body: JSON.stringify(value) });
const error = (status: number, msg: string): Partial<Answer> => ({ status, ...body({ msg }) });

test.for<[string, Partial<Answer>, Partial<Answer>]>([
  ["key order", body({ a: 1, b: "x" }), body({ b: "y", a: 2 })],
  ["another number of elements", body([{ a: 1 }]), body([{ a: 2 }, { a: 3 }])],
  ["elements where there were none", body([]), body([{ a: 1 }])],
  ["objects by id", body({ "1": { a: 1 } }), body({ "2": { a: 1 }, "3": { a: 4 } })],
  ["a key that only some elements have", body([{ a: 1 }, {}]), body([{}])],
  [
    "LSNs, addresses and times in a text",
    error(500, "at 0/14EC330 of 127.0.0.1:56041"),
    error(500, "at 1/A of localhost:9"),
  ],
])("equal: %s", ([, recorded, came]) => {
  expect(differencesBetween(recorded, came)).toEqual([]);
});

test.for<[string, Partial<Answer>, Partial<Answer>, string]>([
  ["status", {}, error(404, "page not found"), '200 → 404 "page not found"'],
  ["content type", {}, { contentType: undefined }, "content type application/json → content type absent"],
  ["absent, not null", body({ a: null }), body({}), ".a null → absent"],
  ["null, not absent", body({}), body({ a: null }), "absent → .a null"],
  ["type", body({ a: { b: [1] } }), body({ a: { b: ["1"] } }), ".a.b[] number → string"],
  ["an element unlike the others", body([[1, "a"]]), body([[1, null]]), "[][] number or string → null"],
  ["text", error(404, "tenant 7"), error(404, "shard 7"), '404 "tenant 7" → 404 "shard 7"'],
  ["metrics", metrics("a b"), metrics("b"), "metrics a → absent"],
])("different: %s", ([, recorded, came, line]) => {
  expect(differencesBetween(recorded, came)).toEqual([line]);
});

function metrics(names: string): Partial<Answer> {
  const lines = names.split(" ").map((name) => `# HELP ${name} What it counts\n${name} 1\n`);
  return { contentType: "text/plain; version=0.0.4", body: lines.join("") };
}
