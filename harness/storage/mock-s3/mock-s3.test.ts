import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  CopyObjectCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { makeTestDirectory } from "../../testing";
import { TestBucket } from "../testing/client";
import { MockS3 } from "./mock-s3";
import { MockS3Server } from "./server";

const keys = { accessKeyId: "key", secretAccessKey: "secret" };

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test("a directory has everything again after a restart: objects, versions, order, uploads under way", async () => {
  const dir = makeTestDirectory("mock-s3");
  const versions: (string | undefined)[] = [];
  {
    await using server = await MockS3.start({ dir, lasting: true, keys });
    using bucket = await new TestBucket(server).create();
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await bucket.put("before", "null version");
    await bucket.s3.send(new PutBucketVersioningCommand({ Bucket: "bucket", VersioningConfiguration }));
    for (const text of ["one", "two", "three"]) versions.push(await bucket.put("key", text));
    await bucket.put("gone", "x");
    await bucket.delete("gone");
  }
  await using server = await MockS3.start({ dir, lasting: true, keys });
  using bucket = new TestBucket(server);
  expect(await bucket.keys()).toEqual(["before", "key"]);
  expect(await bucket.text("key")).toBe("three");
  expect(await bucket.text("before")).toBe("null version");
  const [one] = versions;
  const answer = await bucket.s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "key", VersionId: one ?? "" }));
  expect(await answer.Body?.transformToString()).toBe("one");
});

test("after a crash: a line that was cut off doesn't count, and bytes that no object has are removed", async () => {
  const dir = makeTestDirectory("mock-s3");
  {
    await using server = await MockS3.start({ dir, lasting: true, keys });
    using bucket = await new TestBucket(server).create();
    await bucket.put("key", "kept");
  }
  const [kept] = filesBelow(join(dir, "objects"));
  writeFileSync(`${kept}00`, "nobody's");
  appendFileSync(join(dir, "changes.jsonl"), '{"type":"bucket-gone","bucket":"buc');
  await using server = await MockS3.start({ dir, lasting: true, keys });
  using bucket = new TestBucket(server);
  expect(await bucket.text("key")).toBe("kept");
  expect(filesBelow(join(dir, "objects"))).toEqual([kept]);
  await bucket.put("another", "x");
  expect(await bucket.text("key")).toBe("kept");
});

test("a part whose upload is aborted meanwhile is refused, and the server starts again", async () => {
  const dir = makeTestDirectory("mock-s3");
  {
    await using server = await MockS3.start({ dir, lasting: true, keys });
    using bucket = await new TestBucket(server).create();
    const at = { Bucket: "bucket", Key: "key" };
    const { UploadId } = await bucket.s3.send(new CreateMultipartUploadCommand(at));
    const upload = { ...at, UploadId };
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(1_000_000);
      await bucket.s3.send(new AbortMultipartUploadCommand(upload));
      yield Buffer.alloc(1_000_000);
    }
    const part = { ...upload, PartNumber: 1, Body: Readable.from(body()), ContentLength: 2_000_000 };
    await expect(bucket.s3.send(new UploadPartCommand(part))).rejects.toMatchObject({ name: "NoSuchUpload" });
    expect(filesBelow(join(dir, "objects"))).toEqual([]);
  }
  await using server = await MockS3.start({ dir, lasting: true, keys });
  using bucket = new TestBucket(server);
  expect(await bucket.keys()).toEqual([]);
});

test("many small objects share files, which go when nothing in them is needed", async () => {
  const dir = makeTestDirectory("mock-s3");
  await using server = await MockS3.start({ dir, lasting: true, keys });
  using bucket = await new TestBucket(server).create();
  const names = Array.from({ length: 100 }, (_, i) => `key-${i}`);
  for (const name of names) await bucket.put(name, `content of ${name}`);
  expect(filesBelow(join(dir, "objects")).length).toBe(1);
  for (const name of names) expect(await bucket.text(name)).toBe(`content of ${name}`);
  for (const name of names.slice(1)) await bucket.delete(name);
  expect(await bucket.text("key-0")).toBe("content of key-0");
  await bucket.delete("key-0");
  expect(filesBelow(join(dir, "objects"))).toEqual([]);
  await bucket.put("again", "x");
  expect(await bucket.text("again")).toBe("x");
});

test("bytes go with the last object that has them, and not before", async () => {
  const dir = makeTestDirectory("mock-s3");
  await using server = await MockS3.start({ dir, keys });
  using bucket = await new TestBucket(server).create();
  await bucket.put("from", Buffer.alloc(300_000, "a"));
  await bucket.s3.send(new CopyObjectCommand({ Bucket: "bucket", Key: "to", CopySource: "bucket/from" }));
  await bucket.put("from", Buffer.alloc(300_000, "b"));
  expect(filesBelow(join(dir, "objects")).length).toBe(2);
  await bucket.delete("to");
  await bucket.delete("from");
  expect(filesBelow(join(dir, "objects"))).toEqual([]);
});

test("an object that is deleted while it is read comes whole", async () => {
  const dir = makeTestDirectory("mock-s3");
  await using server = await MockS3.start({ dir, keys });
  using bucket = await new TestBucket(server).create();
  const body = Buffer.alloc(3_000_000, 7);
  await bucket.put("key", body);
  await server.setFaults([{ effect: { kind: "slow", bytesPerSecond: 10_000_000 }, operations: ["GetObject"] }]);
  const answer = await bucket.s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "key" }));
  await bucket.delete("key");
  const read = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  expect(read.equals(body)).toBe(true);
  await expect.poll(() => filesBelow(join(dir, "objects"))).toEqual([]);
});

test("what is uploaded under way when the client goes away leaves nothing", async () => {
  const dir = makeTestDirectory("mock-s3");
  const server = await MockS3Server.start({ dir, keys });
  using bucket = await new TestBucket({ endpoint: `http://127.0.0.1:${server.port}`, keys, region: "r" }).create();
  const client = new AbortController();
  async function* half(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(1_000_000);
    await expect.poll(() => filesBelow(join(dir, "objects")).length).toBe(1);
    client.abort();
  }
  const input = { Bucket: "bucket", Key: "key", Body: Readable.from(half()), ContentLength: 2_000_000 };
  const put = bucket.s3.send(new PutObjectCommand(input), { abortSignal: client.signal });
  await expect(put).rejects.toThrow();
  await expect.poll(() => filesBelow(join(dir, "objects"))).toEqual([]);
  expect(await bucket.keys()).toEqual([]);
  await server.close();
});

test("every server has keys of its own, and its temporary directory goes with it", async () => {
  const one = await MockS3.start();
  const two = await MockS3.start();
  expect(one.keys).not.toEqual(two.keys);
  using bucket = await new TestBucket(one).create();
  await bucket.put("key", "x");
  const { endpoint, region } = one;
  using stranger = new TestBucket({ endpoint, region, keys: two.keys });
  await expect(stranger.text("key")).rejects.toThrow("does not exist in our records");
  expect((await one.counts()).operations).toEqual({ CreateBucket: 1, PutObject: 1 });
  await one.stop();
  await two.stop();
  await expect(bucket.text("key")).rejects.toThrow("ECONNREFUSED");
});

test("a port that is taken, and a directory that is none: one error each", async () => {
  await using server = await MockS3.start();
  const port = Number(new URL(server.endpoint).port);
  await expect(MockS3.start({ port })).rejects.toMatchObject({ code: "PORT_TAKEN" });
  const file = join(makeTestDirectory("mock-s3"), "file");
  writeFileSync(file, "");
  await expect(MockS3.start({ dir: join(file, "below") })).rejects.toMatchObject({ code: "BAD_VALUE" });
  expect(existsSync(file)).toBe(true);
});
