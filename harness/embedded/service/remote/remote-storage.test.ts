import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { S3Fault } from "../../../storage/mock-s3/faults";
import { MockS3 } from "../../../storage/mock-s3/mock-s3";
import { makeTestDirectory } from "../../../testing";
import { createLogger } from "../log";
import { openRemoteStorage } from "./open";
import type { RemoteStorage } from "./remote-storage";
import { retrying } from "./retrying";
import { s3ClientOf } from "./s3-config";
import { unreliable } from "./unreliable";

const dir = makeTestDirectory("remote");
const lines: string[] = [];
const log = createLogger((line) => void lines.push(line), "info");
const never = new AbortController().signal;

let server: MockS3;
let buckets = 0;
beforeAll(async () => void (server = await MockS3.start()));
afterAll(async () => server.stop());
beforeEach(() => void (lines.length = 0));

const environment = () => ({
  AWS_ACCESS_KEY_ID: server.keys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: server.keys.secretAccessKey,
});

async function newBucket(faults: S3Fault[] = []): Promise<Record<string, unknown>> {
  const name = `engine-${(buckets += 1)}`;
  await server.createBucket(name);
  await server.setFaults(faults, name);
  return { bucket_name: name, bucket_region: "us-east-1", endpoint: server.endpoint, prefix_in_bucket: "/the/prefix/" };
}

function open(table: unknown, more: { failures?: number } = {}): RemoteStorage {
  Object.assign(process.env, environment());
  return openRemoteStorage(table, { where: "test", workdir: dir, sync: true, log, shutdown: never, ...more });
}

const local = (): Record<string, unknown> => ({ local_path: `local-${(buckets += 1)}` });

describe.each([
  ["local_fs", async () => local()],
  ["S3", () => newBucket()],
])("%s", (_name, table) => {
  let remote: RemoteStorage;
  beforeAll(async () => void (remote = open(await table())));

  test("upload, read, download, a part of a file", async () => {
    writeFileSync(join(dir, "file"), "0123456789");
    await remote.uploadFile("a/whole", join(dir, "file"));
    await remote.uploadFile("a/part", join(dir, "file"), { length: 4 });
    await remote.uploadBytes("a/bytes", Buffer.from("bytes"));
    expect([await text("a/whole"), await text("a/part"), await text("a/bytes")]).toEqual([
      "0123456789",
      "0123",
      "bytes",
    ]);
    await remote.download("a/whole", join(dir, "copy"));
    expect(readFileSync(join(dir, "copy"), "utf8")).toBe("0123456789");
    expect(await remote.read("a/nothing")).toBeUndefined();
    expect(await remote.read("nowhere/at/all")).toBeUndefined();
  });

  test("a download of nothing fails at once, and leaves nothing", async () => {
    const target = makeTestDirectory("download");
    await expect(remote.download("a/nothing", join(target, "file"))).rejects.toThrow();
    expect(readdirSync(target)).toEqual([]);
    expect(lines).toEqual([]);
  });

  test("list: names directly below a prefix, and nothing of its neighbours", async () => {
    for (const key of ["t/1/x", "t/1/y/z", "t/12/x", "t/file"]) await remote.uploadBytes(key, Buffer.from("x"));
    expect(await sorted("t")).toEqual({ objects: ["file"], prefixes: ["1", "12"] });
    expect(await sorted("t/1")).toEqual({ objects: ["x"], prefixes: ["y"] });
    expect(await sorted("t/nothing")).toEqual({ objects: [], prefixes: [] });
  });

  test("copy, remove, removePrefix", async () => {
    await remote.uploadBytes("r/1/a", Buffer.from("a"));
    await remote.uploadBytes("r/1/b/c", Buffer.from("c"));
    await remote.uploadBytes("r/12", Buffer.from("neighbour"));
    await remote.copy("r/1/a", "r/copy/of a");
    await remote.remove("r/1/a");
    await remote.remove("r/1/never-there");
    expect([await remote.read("r/1/a"), await text("r/copy/of a")]).toEqual([undefined, "a"]);
    await remote.removePrefix("r/1");
    expect([await remote.read("r/1/b/c"), await text("r/12")]).toEqual([undefined, "neighbour"]);
    await remote.removePrefix("r/nothing");
  });

  const text = async (key: string): Promise<string | undefined> => (await remote.read(key))?.toString();
  const sorted = async (prefix: string) => {
    const { objects, prefixes } = await remote.list(prefix);
    return { objects: objects.toSorted(), prefixes: prefixes.toSorted() };
  };
});

test("everything of S3 stands below the prefix", async () => {
  const table = await newBucket();
  await open(table).uploadBytes("key", Buffer.from("x"));
  const whole = open({ ...table, prefix_in_bucket: undefined });
  expect(await whole.list("the/prefix")).toEqual({ objects: ["key"], prefixes: [] });
});

describe("failures", () => {
  test.each([0.1, 0.5])("%f of all requests fail, and all is well in the end", async (probability) => {
    const effects: S3Fault["effect"][] = [
      { kind: "error", code: "InternalError" },
      { kind: "error", code: "SlowDown" },
      { kind: "reset", when: "before" },
      { kind: "reset", when: "after" },
      { kind: "truncate", bytes: 3 },
    ];
    // Faults depend on seed, operation and key only: this test does the same every time.
    const seed = 2025;
    const faults = effects.map((effect, i) => ({ effect, seed: seed + i, probability: probability / effects.length }));
    const remote = open(await newBucket(faults));
    const names = ["0", "1", "2", "3", "4"];
    for (const name of names) await remote.uploadBytes(`f/${name}`, Buffer.from(`content ${name}`));
    for (const name of names) expect((await remote.read(`f/${name}`))?.toString()).toBe(`content ${name}`);
    expect((await remote.list("f")).objects).toEqual(names);
    await remote.removePrefix("f");
    expect((await remote.list("f")).objects).toEqual([]);
  });

  test("the log says so in Neon's words: info for the first three tries, then warnings, and at last giving up", async () => {
    const always: S3Fault = { effect: { kind: "error", code: "SlowDown" }, operations: ["GetObject"], times: 5 };
    const remote = open(await newBucket([always]));
    expect(await remote.read("key")).toBeUndefined();
    const found = lines.map((line) => /(INFO|WARN) (.*)/.exec(line)?.slice(1).join(" "));
    expect(found.length).toBe(5);
    expect(found[0]).toMatch(
      /^INFO download of key failed, will retry \(attempt 0\): GET the\/prefix\/key: SlowDown: /,
    );
    expect(found.map((line) => line?.slice(0, 4))).toEqual(["INFO", "INFO", "INFO", "WARN", "WARN"]);
  });

  test("what can't end otherwise is not tried again", async () => {
    const table = { ...(await newBucket()), bucket_name: "no-such-bucket" };
    await expect(open(table).list("x")).rejects.toThrow("NoSuchBucket");
    expect(lines).toEqual([]);
  });

  test("a node that is told to stop does not wait for storage that doesn't answer", async () => {
    const stopping = new AbortController();
    const failing = { read: () => Promise.reject(new Error("no answer")) } as unknown as RemoteStorage;
    const read = retrying(failing, { log, shutdown: stopping.signal }).read("key");
    const started = performance.now();
    stopping.abort();
    await expect(read).rejects.toThrow("no answer");
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("test_remote_failures: so many tries fail, then one gets through, for each key anew", async () => {
    const plain = open(local());
    const remote = unreliable(plain, 3);
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      await remote.uploadBytes("key", Buffer.from("x")).then(
        () => outcomes.push("ok"),
        (error: Error) => outcomes.push(error.message),
      );
    }
    const failed = "simulated failure of remote operation Upload(key)";
    expect(outcomes).toEqual([failed, failed, "ok", failed, failed, "ok"]);
    const retried = open(local(), { failures: 4 });
    await retried.uploadBytes("key", Buffer.from("x"));
    expect((await retried.read("key"))?.toString()).toBe("x");
  });
});

describe("configuration", () => {
  const parse = (table: Record<string, unknown>, env: Record<string, string> = environment()) =>
    s3ClientOf(table, "pageserver.toml", { env, shutdown: never });
  const good = { bucket_name: "b", bucket_region: "r" };

  test.each<[Record<string, unknown>, string]>([
    [{ bucket_name: "b" }, "pageserver.toml: remote_storage.bucket_region is missing"],
    [{ ...good, bucket_name: 7 }, "pageserver.toml: remote_storage.bucket_name must be a string"],
    [{ ...good, concurrency_limit: 0 }, "concurrency_limit must be a whole number from 1 on"],
    [{ ...good, timeout: "soon" }, "remote_storage.timeout is no duration: soon"],
  ])("%j", (table, message) => {
    expect(() => parse(table)).toThrow(message);
  });

  test("no keys", () => {
    expect(() => parse(good, {})).toThrow("remote storage in S3 needs keys: AWS_ACCESS_KEY_ID is not set");
  });

  test("neither folder nor bucket", () => {
    expect(() => open({ container_name: "azure" })).toThrow("remote_storage must be { local_path = '…' } or");
    expect(existsSync(dir)).toBe(true);
  });
});
