import { expect, test } from "vitest";
import { collectQuorum, NoQuorumError } from "./collect-quorum";
import { quorumLsn } from "./quorum";

test.each([
  [[30n], 30n],
  [[30n, 10n], 10n],
  [[30n, 0n, 10n], 10n],
  [[0n, 0n, 30n], 0n],
  [[1n, 5n, 4n, 3n, 2n], 3n],
])("case %#: what a majority has", (flushed, expected) => {
  expect(quorumLsn(flushed)).toBe(expected);
});

test("a quorum does not wait for one that never answers", async () => {
  const never = new Promise<number>(() => undefined);
  expect(await collectQuorum([never, Promise.resolve(2), Promise.resolve(3)], 2, 5)).toEqual([2, 3]);
});

test("too many failures are told with their reasons", async () => {
  const failing = [1, 2].map((n) => Promise.reject<number>(new Error(`reason ${n}`)));
  const failure = collectQuorum([...failing, new Promise<number>(() => undefined)], 2, 5);
  await expect(failure).rejects.toThrow(NoQuorumError);
  await expect(failure).rejects.toThrow("reason 1; Error: reason 2");
});
