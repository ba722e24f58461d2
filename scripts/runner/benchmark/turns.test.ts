import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { TurnTaker } from "../../../harness/benchmark";
import { Turns } from "./turns";
import type { SideIndex } from "./turns";

/** Runs both sides in this process; each makes so many measurements, whose begin and end it notes. */
async function compare(measurements: readonly [number, number], first: SideIndex = 0): Promise<string> {
  const notes: string[] = [];
  const runs: Promise<void>[] = [];
  await using turns = await Turns.open((side) => {
    const work = async (): Promise<void> => {
      const taker = await TurnTaker.connect(turns.path(side));
      notes.push("AB"[side] ?? "");
      for (let count = 0; count < measurements[side]; count += 1) {
        await taker.next();
        notes.push(`${"AB"[side]}${count + 1}(`);
        await new Promise((done) => setImmediate(done));
        notes.push(")");
      }
    };
    runs.push(work().finally(() => turns.ended(side)));
  });
  turns.start(first);
  await runs[0];
  await runs[1];
  return notes.join("");
}

test("two sides take turns, and never work at the same time", async () => {
  expect(await compare([3, 3])).toBe("ABA1()B1()A2()B2()A3()B3()");
  expect(await compare([2, 2], 1)).toBe("BAB1()A1()B2()A2()");
});

test("what one side has more than the other, it does by itself", async () => {
  expect(await compare([1, 3])).toBe("ABA1()B1()B2()B3()");
  expect(await compare([3, 0])).toBe("ABA1()A2()A3()");
  expect(await compare([0, 1])).toBe("ABB1()");
});

test("a side that waits goes on when whoever compares is gone, and nothing is left of it", async () => {
  const turns = await Turns.open(() => undefined);
  turns.start(0);
  turns.start(1);
  const taker = await TurnTaker.connect(turns.path(0));
  const waits = taker.next();
  await turns[Symbol.asyncDispose]();
  await waits;
  await taker.next();
  expect(existsSync(dirname(turns.path(0)))).toBe(false);
});

test("where no more is to begin, the first side's end is the end", async () => {
  const begun: SideIndex[] = [];
  await using turns = await Turns.open((side) => void begun.push(side));
  turns.start(0);
  turns.beginNoMore();
  turns.ended(0);
  expect(begun).toEqual([0]);
});
