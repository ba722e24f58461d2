import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTestDirectory } from "../../testing";
import { MockS3 } from "../mock-s3/mock-s3";
import { clientOf, Ground } from "../testing/conformance/ground";
import { TARGETS } from "../testing/conformance/targets";
import { SmallS3Client } from "./client";
import type { S3ClientOptions } from "./client";

const OPTIONS: S3ClientOptions = { timeoutMs: 20_000, concurrency: 10 };

describe.each(TARGETS)("$name", ({ start, unavailable }) => {
  if (unavailable !== undefined) {
    test.skip(`not run: ${unavailable}`);
    return;
  }
  let ground: Ground;
  let client: SmallS3Client;
  let stop: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    const server = await start();
    const s3 = clientOf(server);
    ground = await Ground.make(server, `small-client-${process.pid}`, s3);
    client = new SmallS3Client({ ...server, bucket: ground.bucket, ...server.keys, sessionToken: undefined }, OPTIONS);
    stop = async () => {
      s3.destroy();
      client.close();
      await server[Symbol.asyncDispose]();
    };
  });
  afterAll(async () => stop?.());

  const paged = (): SmallS3Client => {
    const { endpoint, region, keys } = ground.target;
    const access = { endpoint, region, ...keys, bucket: ground.bucket, sessionToken: undefined };
    return new SmallS3Client(access, { ...OPTIONS, maxKeysPerList: 2 });
  };

  test("put and get, keys with signs", async () => {
    for (const key of ["plain", "a b+c/ü&<>", "x__y-00000001"]) {
      await client.put(key, Buffer.from(`of ${key}`));
      expect((await client.get(key))?.toString()).toBe(`of ${key}`);
    }
    expect(await client.get("nothing")).toBeUndefined();
  });

  test("files: upload of a part of one, download as a stream", async () => {
    const dir = makeTestDirectory("small-client");
    const content = Buffer.alloc(3_000_000, "0123456789");
    writeFileSync(join(dir, "file"), content);
    for (const length of [content.length, 12_345, 0]) {
      await client.putFile("file", join(dir, "file"), length);
      await client.getInto("file", (body) => pipeline(body, createWriteStream(join(dir, "copy"))));
      expect(readFileSync(join(dir, "copy")).equals(content.subarray(0, length))).toBe(true);
    }
    await expect(client.getInto("nothing", async () => undefined)).rejects.toMatchObject({ code: "NoSuchKey" });
  });

  test("lists in pages, with and without a delimiter", async () => {
    for (const key of ["list/a", "list/b", "list/c/1", "list/c/2", "list/d/3"]) await client.put(key, Buffer.from("x"));
    const small = paged();
    expect(await small.list("list/")).toEqual({
      keys: ["list/a", "list/b", "list/c/1", "list/c/2", "list/d/3"],
      prefixes: [],
    });
    expect(await small.list("list/", "/")).toEqual({ keys: ["list/a", "list/b"], prefixes: ["list/c/", "list/d/"] });
    small.close();
  });

  test("copy, delete, and versions", async () => {
    await ground.version();
    await client.put("v/key", Buffer.from("one"));
    await client.put("v/key", Buffer.from("two"));
    await client.copy("v/key", "v/copy a+b");
    expect((await client.get("v/copy a+b"))?.toString()).toBe("two");
    await client.delete(["v/key", "v/nothing-there"]);
    expect(await client.get("v/key")).toBeUndefined();
    const small = paged();
    const versions = await small.listVersions("v/key");
    // moto does not give them in order.
    expect(versions.filter(({ isDeleteMarker }) => isDeleteMarker).length).toBe(1);
    expect(versions.length).toBe(3);
    await client.copy("v/key", "v/key", versions.at(-1)?.versionId);
    expect((await client.get("v/key"))?.toString()).toBe("one");
    small.close();
  });
});

describe("when S3 is not well", () => {
  let server: MockS3;
  const client = (options: Partial<S3ClientOptions> = {}): SmallS3Client =>
    new SmallS3Client({ ...place(), sessionToken: undefined }, { ...OPTIONS, ...options });
  const place = () => {
    const { endpoint, region, keys } = server;
    return { endpoint, region, bucket: "bucket", ...keys };
  };

  beforeAll(async () => void (server = await MockS3.start({ buckets: ["bucket"] })));
  afterAll(async () => server.stop());

  test("an error of S3's is S3Failure, with what it says", async () => {
    await server.setFaults([{ effect: { kind: "error", code: "SlowDown" } }]);
    const failed = client().put("key", Buffer.from("x"));
    await expect(failed).rejects.toMatchObject({ code: "SlowDown", status: 503 });
    await expect(failed).rejects.toThrow("PUT key: SlowDown: Please reduce your request rate. (HTTP 503)");
  });

  test("a body that is cut off is an error, read at once or as a stream", async () => {
    await server.setFaults([]);
    await client().put("key", Buffer.alloc(100_000));
    await server.setFaults([{ effect: { kind: "truncate", bytes: 50_000 } }]);
    await expect(client().get("key")).rejects.toThrow();
    const stream = client().getInto("key", (body) => pipeline(body, createWriteStream("/dev/null")));
    await expect(stream).rejects.toThrow();
  });

  test("a request that takes too long ends", async () => {
    await server.setFaults([{ effect: { kind: "delay", ms: 5_000 } }]);
    const started = performance.now();
    await expect(client({ timeoutMs: 100 }).get("key")).rejects.toThrow(/timeout/i);
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  test("a request under way ends soon after the node is told to stop", async () => {
    await server.setFaults([{ effect: { kind: "delay", ms: 20_000 } }]);
    const stopping = new AbortController();
    const got = client({ hurry: stopping.signal }).get("key");
    const started = performance.now();
    stopping.abort();
    await expect(got).rejects.toThrow(/timeout/);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("no more requests at a time than allowed, and all of them in the end", async () => {
    await server.setFaults([{ effect: { kind: "delay", ms: 100 } }]);
    const started = performance.now();
    const one = client({ concurrency: 2 });
    await Promise.all(Array.from({ length: 6 }, (_, i) => one.put(`many/${i}`, Buffer.from("x"))));
    expect(performance.now() - started).toBeGreaterThan(290);
    await server.setFaults([]);
    expect((await one.list("many/")).keys.length).toBe(6);
  });
});
