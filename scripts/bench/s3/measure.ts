import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { IN_FLIGHT } from "./servers";
import type { BenchServer } from "./servers";

const BODY = Buffer.alloc(64 * 1024, "neon-test ");
const MANY = 10_000;
const MEBIBYTE = 1024 * 1024;

export interface Measured {
  putPerSecond: number;
  getPerSecond: number;
  /** The same when the bucket has 10,000 keys more. */
  latePutPerSecond: number;
  lateGetPerSecond: number;
  /** All 10,000 keys, in pages of 1000. */
  listMs: number;
}

/** Runs them `IN_FLIGHT` at a time and says how many were done per second. */
async function rate(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (count * 1000) / (performance.now() - started);
}

/** `count` objects of 64 KiB are written and read; then 10,000 small ones come, and it is done again. */
export async function measure({ client }: BenchServer, count: number): Promise<Measured> {
  const put = (prefix: string) => rate(count, (i) => client.put(`${prefix}/${i}`, BODY));
  const get = (prefix: string) => rate(count, (i) => client.get(`${prefix}/${i}`));
  // What is compiled, cached and connected at the first use is no part of it.
  await rate(100, (i) => client.put(`warm/${i}`, BODY));
  await rate(100, (i) => client.get(`warm/${i}`));
  const [putPerSecond, getPerSecond] = [await put("early"), await get("early")];
  await rate(MANY, (i) => client.put(`many/${String(i).padStart(6, "0")}`, Buffer.from("x")));
  const [latePutPerSecond, lateGetPerSecond] = [await put("late"), await get("late")];
  const started = performance.now();
  const { keys } = await client.list("many/");
  if (keys.length !== MANY) throw new Error(`the listing has ${keys.length} keys, not ${MANY}`);
  return { putPerSecond, getPerSecond, latePutPerSecond, lateGetPerSecond, listMs: performance.now() - started };
}

const discard = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Bytes in memory, now and at most, when 1 GiB of objects was written and read. */
export async function memoryWithOneGibibyte({
  client,
  memory,
}: BenchServer): Promise<{ resident: number; peak: number }> {
  const body = Buffer.alloc(4 * MEBIBYTE, "neon-test ");
  for (let at = 0; at < 256; at += 4) {
    await Promise.all([0, 1, 2, 3].map((i) => client.put(`large/${at + i}`, body)));
  }
  for (let at = 0; at < 256; at += 1) await client.getInto(`large/${at}`, (stream) => pipeline(stream, discard()));
  return memory();
}
