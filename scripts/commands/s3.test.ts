import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { TestBucket } from "../../harness/storage/testing/client";
import { freePort, makeTestDirectory } from "../../harness/testing";
import { pollUntil } from "../../harness/wait";
import { neonTest } from "../testing/command";

/** Starts it and waits until it says where it is. */
async function start(args: readonly string[]) {
  const run = neonTest(["s3", ...args]);
  onTestFinished(() => void run.kill("SIGKILL"));
  let output = "";
  run.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await pollUntil("the S3 server", () => output.includes("Ctrl-C"), { budgetMs: 30_000, describe: () => output });
  const found = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(output)?.[1] ?? "";
  const keys = { accessKeyId: found("AWS_ACCESS_KEY_ID"), secretAccessKey: found("AWS_SECRET_ACCESS_KEY") };
  const server = { endpoint: found("AWS_ENDPOINT_URL_S3"), region: found("AWS_REGION"), keys };
  return { run, server, output: () => output, dir: /objects in (\S+)/.exec(output)?.[1] ?? "" };
}

test("s3 serves any client with what it prints, and Ctrl-C ends it without a trace", async () => {
  const { run, server, output, dir } = await start(["--bucket", "made-at-the-start"]);
  using bucket = new TestBucket(server, "made-at-the-start");
  await bucket.put("key", "hello");
  expect(await bucket.text("key")).toBe("hello");
  run.kill("SIGINT");
  const { exitCode, stderr } = await run;
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(output()).toMatch(/gone without a trace\n$/);
  expect(existsSync(dir)).toBe(false);
});

test("s3 --dir has everything again, keys too, also after SIGKILL; only one server at a time", async () => {
  const dir = join(makeTestDirectory("neon-test-s3"), "kept");
  const port = await freePort();
  const first = await start(["--dir", dir, "--port", String(port)]);
  using before = await new TestBucket(first.server).create();
  await before.put("key", "kept");
  const second = await neonTest(["s3", "--dir", dir]);
  expect(second.exitCode).toBe(2);
  expect(second.stderr).toMatch(
    /^neon-test: BAD_VALUE: another S3 server uses .*\n {2}expected: .*\n {2}found: pid \d+\n/,
  );
  first.run.kill("SIGKILL");
  await first.run;
  const again = await start(["--dir", dir, "--port", String(port)]);
  expect(again.server).toEqual(first.server);
  using after = new TestBucket(again.server);
  expect(await after.text("key")).toBe("kept");
  again.run.kill("SIGTERM");
  expect((await again.run).exitCode).toBe(0);
});

test("s3 with a port or a directory that it can't have: one error", async () => {
  const { server } = await start([]);
  const taken = await neonTest(["s3", "--port", new URL(server.endpoint).port]);
  expect([taken.exitCode, taken.stdout]).toEqual([1, ""]);
  expect(taken.stderr).toMatch(/^neon-test: PORT_TAKEN: .*\n {2}expected: port \d+ to be free/);
  const file = join(makeTestDirectory("neon-test-s3"), "file");
  writeFileSync(file, "");
  const noDirectory = await neonTest(["s3", "--dir", file]);
  expect(noDirectory.exitCode).toBe(2);
  expect(noDirectory.stderr).toMatch(/^neon-test: BAD_VALUE: .*\n.*a directory that can be written to/);
});
