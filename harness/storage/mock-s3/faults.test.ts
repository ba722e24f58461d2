import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../../wait";
import { TestBucket } from "../testing/client";
import { FaultPlan } from "./faults";
import type { S3Fault } from "./faults";
import { MockS3 } from "./mock-s3";

let server: MockS3;
let bucket: TestBucket;

beforeAll(async () => {
  server = await MockS3.start();
  bucket = await new TestBucket(server).create();
});
afterAll(async () => {
  bucket[Symbol.dispose]();
  await server.stop();
});

async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    return code ?? name;
  }
}

async function under<T>(faults: S3Fault[], body: () => Promise<T>): Promise<T> {
  await server.setFaults(faults);
  try {
    return await body();
  } finally {
    await server.setFaults([]);
  }
}

test.each(["InternalError", "SlowDown"] as const)("%s: the client gets it, and nothing was done", async (code) => {
  const effect = { kind: "error", code } as const;
  expect(await under([{ effect }], () => outcomeOf(bucket.put(code, "x")))).toBe(code);
  expect(await outcomeOf(bucket.text(code))).toBe("NoSuchKey");
});

test("reset before: nothing was done; reset after: it was, and the client doesn't know", async () => {
  for (const when of ["before", "after"] as const) {
    const reset = { effect: { kind: "reset", when }, operations: ["PutObject"] } as const;
    expect(await under([reset], () => outcomeOf(bucket.put(`reset-${when}`, "x")))).toBe("ECONNRESET");
  }
  expect(await bucket.keys("reset-")).toEqual(["reset-after"]);
});

test.each([10, 300_000])("a body of 600,000 bytes that is cut off", async (size) => {
  await bucket.put("long", Buffer.alloc(600_000));
  const effect = { kind: "truncate", bytes: size } as const;
  expect(await under([{ effect, operations: ["GetObject"] }], () => outcomeOf(bucket.bytes("long")))).not.toBe("ok");
  expect((await bucket.bytes("long")).length).toBe(600_000);
});

test("a body that comes slowly, and an answer that comes late", async () => {
  await bucket.put("slow", Buffer.alloc(20_000));
  const timed = async (effect: S3Fault["effect"]): Promise<number> => {
    const started = performance.now();
    await under([{ effect }], () => bucket.bytes("slow"));
    return performance.now() - started;
  };
  expect(await timed({ kind: "slow", bytesPerSecond: 100_000 })).toBeGreaterThan(150);
  expect(await timed({ kind: "delay", ms: 150 })).toBeGreaterThan(140);
});

test("listings that lag behind: neither what is new nor what is gone; reads are true", async () => {
  await bucket.put("lag/old", "x");
  await under([{ effect: { kind: "stale-list", ms: 60_000 } }], async () => {
    await bucket.put("lag/new", "x");
    await bucket.delete("lag/old");
    expect(await bucket.keys("lag/")).toEqual(["lag/old"]);
    expect(await bucket.text("lag/new")).toBe("x");
    expect(await outcomeOf(bucket.text("lag/old"))).toBe("NoSuchKey");
  });
  expect(await bucket.keys("lag/")).toEqual(["lag/new"]);
});

test("a listing catches up", async () => {
  await under([{ effect: { kind: "stale-list", ms: 200 } }], async () => {
    await bucket.put("later/new", "x");
    expect(await bucket.keys("later/")).toEqual([]);
    await sleep(250);
    expect(await bucket.keys("later/")).toEqual(["later/new"]);
  });
});

test("operation, key and number of times choose what is hit", async () => {
  const effect = { kind: "error", code: "SlowDown" } as const;
  const fault: S3Fault = { effect, operations: ["PutObject"], key: "^choose/.*\\.bad$", times: 2 };
  await under([fault], async () => {
    const before = (await server.counts()).faults;
    const puts: string[] = [];
    for (const key of ["choose/1.bad", "choose/1.good", "other/1.bad", "choose/1.bad", "choose/1.bad"]) {
      puts.push(await outcomeOf(bucket.put(key, "x")));
    }
    expect(puts).toEqual(["SlowDown", "ok", "ok", "SlowDown", "ok"]);
    expect(await outcomeOf(bucket.text("choose/1.bad"))).toBe("ok");
    expect((await server.counts()).faults - before).toBe(2);
  });
});

describe("the plan", () => {
  const draws = (seed: number, keys: readonly string[]): Map<string, boolean> => {
    const plan = new FaultPlan();
    plan.set([{ effect: { kind: "delay", ms: 1 }, probability: 0.3, seed }]);
    return new Map(keys.map((key) => [key, plan.draw("PutObject", "bucket", key).length > 0]));
  };
  const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);

  test("the same seed hits the same keys, in whatever order they come; another seed hits others", () => {
    const one = draws(1, keys);
    const backwards = draws(1, [...keys].reverse());
    expect(keys.every((key) => one.get(key) === backwards.get(key))).toBe(true);
    expect([...draws(2, keys).values()]).not.toEqual([...one.values()]);
  });

  test("as often as it should", () => {
    const hits = [...draws(7, keys).values()].filter(Boolean).length;
    expect(hits).toBeGreaterThan(250);
    expect(hits).toBeLessThan(350);
  });

  test("the tries of one key differ", () => {
    const plan = new FaultPlan();
    plan.set([{ effect: { kind: "delay", ms: 1 }, probability: 0.5, seed: 1 }]);
    const tries = Array.from({ length: 40 }, () => plan.draw("GetObject", "bucket", "key").length);
    expect(new Set(tries)).toEqual(new Set([0, 1]));
  });
});
