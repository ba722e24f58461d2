import { expect, test } from "vitest";
import { parseInit, parseRun } from "./pgbench-output";

// What pgbench of version 15 and of version 13 writes.
const INIT = `dropping old tables...
creating tables...
generating data (server-side)...
vacuuming...
creating primary keys...
done in 0.34 s (drop tables 0.00 s, create tables 0.01 s, server-side generate 0.21 s, vacuum 0.06 s, primary keys 0.05 s).
`;
const RUN = `transaction type: <builtin: select only>
number of transactions actually processed: 12345
number of failed transactions: 0 (0.000%)
latency average = 0.324 ms
initial connection time = 4.111 ms
tps = 6172.839506 (without initial connection time)
`;
const OLD_RUN = `number of transactions actually processed: 10
latency average = 1.500 ms
tps = 600.1 (including connections establishing)
tps = 666.6 (excluding connections establishing)
`;

test("phases of pgbench -i", () => {
  const phases = {
    "drop tables": 0,
    "create tables": 0.01,
    "server-side generate": 0.21,
    vacuum: 0.06,
    "primary keys": 0.05,
  };
  expect(Object.fromEntries(parseInit(INIT))).toEqual({ ...phases, total: 0.34 });
  expect(parseInit("something else").size).toBe(0);
});

test("results of a run, of new versions and of old ones", () => {
  expect(parseRun(RUN)).toEqual({ transactions: 12345, tps: 6172.839506, latencyAverageMs: 0.324 });
  expect(parseRun(OLD_RUN)?.tps).toBe(666.6);
  expect(parseRun("pgbench: error: no")).toBeUndefined();
});
