import { expect, test } from "vitest";
import { type Segment, smallestStorage } from "./storage-model";

const point = (parent: number | null, lsn: number, size: number | null, needed = false): Segment => {
  return { parent, lsn, size, needed };
};

test("the recorded answer: a snapshot where the history begins, and WAL to its end", () => {
  const segments = [point(null, 21938992, 23027712, true), point(0, 21939248, null, true)];
  expect(smallestStorage(segments)).toEqual({
    total: 23027968,
    sizes: [
      { method: "SnapshotHere", accum_size: 23027968 },
      { method: "Wal", accum_size: 256 },
    ],
  });
});

test("what is not needed is skipped when a later snapshot is no larger", () => {
  const segments = [point(null, 0, 100), point(0, 1000, 50), point(1, 1010, null, true)];
  const { total, sizes } = smallestStorage(segments);
  expect(total).toBe(60);
  expect(sizes.map(({ method }) => method)).toEqual(["Skipped", "SnapshotHere", "Wal"]);
});

test("two branches share a snapshot when the WAL to both costs less than a second one", () => {
  const branches = (wal: number) => [
    point(null, 0, 100),
    point(0, wal, 100),
    point(1, wal + 1, null, true),
    point(0, wal, 100),
    point(3, wal + 1, null, true),
  ];
  expect(smallestStorage(branches(10)).total).toBe(122);
  expect(smallestStorage(branches(500)).total).toBe(202);
});
