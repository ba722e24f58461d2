import { expect, test } from "vitest";
import { planRecovery } from "./plan-recovery";

const at = (second: number): Date => new Date(second * 1000);

/** `3:one 5:- 7:two` is a version, a delete marker and another version, oldest first; S3 lists them the other way round. */
function versionsOf(key: string, text: string) {
  const oldestFirst = text.split(" ").map((word) => {
    const [second = "", name = ""] = word.split(":");
    return {
      key,
      versionId: name === "-" ? `marker-${second}` : name,
      lastModified: Number(second) * 1000,
      isDeleteMarker: name === "-",
    };
  });
  return oldestFirst.toReversed();
}

test.each([
  ["nothing has changed since", "1:one 2:two", 5, 9, []],
  ["changed since: the version of then", "1:one 6:two", 5, 9, [{ restore: "one" }]],
  ["changed since more than once", "1:one 2:two 6:three 7:four", 5, 9, [{ restore: "two" }]],
  ["deleted since", "1:one 6:-", 5, 9, [{ restore: "one" }]],
  ["made since: it goes", "6:one", 5, 9, [{ restore: undefined }]],
  ["made and deleted since: it is gone already", "6:one 7:-", 5, 9, []],
  ["deleted then, made anew since", "1:one 2:- 6:two", 5, 9, [{ restore: undefined }]],
  ["deleted then and now", "1:one 2:- 6:two 7:-", 5, 9, []],
  ["an earlier recovery has done it already", "1:one 6:two 10:one-again", 5, 9, []],
  ["changed at that very second: what was before", "1:one 5:two", 5, 9, [{ restore: "one" }]],
  ["two in one second since: the order of the list counts", "1:one 6:two 6:-", 5, 9, [{ restore: "one" }]],
])("%s", (_name, text, second, doneIfAfter, expected) => {
  const steps = planRecovery(versionsOf("key", text), at(second), at(doneIfAfter));
  expect(steps).toEqual(expected.map((step) => ({ key: "key", ...step })));
});

test("every key has its own history", () => {
  const versions = [...versionsOf("a", "1:a1 6:a2"), ...versionsOf("b", "1:b1"), ...versionsOf("c", "6:c1")];
  expect(planRecovery(versions, at(5), at(9))).toEqual([
    { key: "a", restore: "a1" },
    { key: "c", restore: undefined },
  ]);
});

test("a bucket that keeps no versions", () => {
  expect(() => planRecovery(versionsOf("key", "1:null"), at(5), at(9))).toThrow("disabled versioning");
});
