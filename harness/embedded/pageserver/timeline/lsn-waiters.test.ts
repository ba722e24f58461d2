import { expect, test } from "vitest";
import { LsnTimeoutError, LsnWaiters } from "./lsn-waiters";

const options = (signals: AbortSignal[] = [], timeoutMs = 5000) => ({ timeoutMs, signals, describe: () => "too late" });

test("those whose LSN is reached go on, the others wait", async () => {
  const waiters = new LsnWaiters();
  const done: string[] = [];
  const near = waiters.wait(8n, options()).then(() => done.push("near"));
  const far = waiters.wait(24n, options()).then(() => done.push("far"));
  waiters.advance(16n);
  await near;
  expect(done).toEqual(["near"]);
  expect(waiters.size).toBe(1);
  waiters.advance(24n);
  await far;
  expect(waiters.size).toBe(0);
});

test("waiting ends with an error after the time, and when it is cancelled", async () => {
  const waiters = new LsnWaiters();
  await expect(waiters.wait(8n, options([], 5))).rejects.toThrow(LsnTimeoutError);
  const cancel = new AbortController();
  const waiting = waiters.wait(8n, options([cancel.signal]));
  cancel.abort();
  await expect(waiting).rejects.toThrow("cancelled");
  await expect(waiters.wait(8n, options([cancel.signal]))).rejects.toThrow("cancelled");
  expect(waiters.size).toBe(0);
});
