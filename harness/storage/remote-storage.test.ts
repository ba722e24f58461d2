import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PortPool } from "../ports";
import type { PortLease } from "../ports";
import { identity, makeTestDirectory } from "../testing";
import { TenantId, TimelineId } from "../types";
import { closeRemoteStorage, openRemoteStorage } from "./open-remote-storage";
import type { RemoteStorage } from "./remote-storage";
import { S3Storage } from "./s3-storage";

let ports: PortLease;
beforeAll(async () => void (ports = await PortPool.lease()));
afterAll(async () => {
  await closeRemoteStorage();
  await ports[Symbol.asyncDispose]();
});

const open = (kind: "local_fs" | "mock_s3", testName = "Some test's name"): Promise<RemoteStorage> => {
  const repoDir = makeTestDirectory("remote-storage");
  return openRemoteStorage(kind, { user: "pageserver", repoDir, testName, owner: identity, ports });
};

const tenant = TenantId.generate();
const timeline = TimelineId.generate();
const index = (more: object) =>
  JSON.stringify({ version: 10, layer_metadata: {}, disk_consistent_lsn: "0/1", ...more });

describe.each(["local_fs", "mock_s3"] as const)("%s", (kind) => {
  let storage: RemoteStorage;
  beforeAll(async () => void (storage = await open(kind)));
  afterAll(async () => storage.release());

  test("write, find, read, list, delete", async () => {
    await storage.write("objects/b/2", "two");
    await storage.write("objects/a", Buffer.from("one"));
    expect((await storage.list("objects/")).map(({ key, size }) => [key, size])).toEqual([
      ["objects/a", 3],
      ["objects/b/2", 3],
    ]);
    expect((await storage.list("objects/b")).length).toBe(1);
    expect((await storage.read("objects/b/2")).toString()).toBe("two");
    await storage.delete(["objects/a", "objects/nothing"]);
    expect(await storage.find("objects/a")).toBeUndefined();
    await storage.deletePrefix("objects/");
    expect(await storage.list("objects/")).toEqual([]);
  });

  test("read of what isn't there: the error says what is", async () => {
    await storage.write("near/neighbour", "x");
    await expect(storage.read("near/nothing")).rejects.toMatchObject({
      code: "CHECK_FAILED",
      message: expect.stringMatching(/no object near\/nothing[^]*near\/neighbour/) as string,
    });
  });

  test("a prefix that is empty, or not", async () => {
    await storage.write("prefix/key", "x");
    await expect(storage.assertPrefixEmpty("prefix/")).rejects.toThrow("prefix/key");
    await storage.assertPrefixEmpty("prefix/", { except: /key$/ });
    await storage.assertPrefixNotEmpty("prefix/");
    await expect(storage.assertPrefixNotEmpty("other/")).rejects.toThrow("no object below other/");
    const gone = storage.waitUntilPrefixEmpty("prefix/", { budgetMs: 10_000 });
    await storage.delete(["prefix/key"]);
    await gone;
    await storage.write("prefix/key", "x");
    const late = storage.waitUntilPrefixEmpty("prefix/", { budgetMs: 100 });
    await expect(late).rejects.toMatchObject({ message: expect.stringContaining("prefix/key") as string });
  });

  test("corrupt changes one byte, and nothing else", async () => {
    await storage.write("corrupt", "aaaaa");
    await storage.corrupt("corrupt");
    expect([...(await storage.read("corrupt"))]).toEqual([97, 97, 97 ^ 255, 97, 97]);
    await storage.corrupt("corrupt", 0);
    expect((await storage.read("corrupt"))[0]).toBe(97 ^ 255);
  });

  test("index parts: the newest generation counts; edited in place", async () => {
    await storage.write(storage.indexKey(tenant, timeline, 9), index({ disk_consistent_lsn: "0/9" }));
    await storage.write(
      storage.indexKey(tenant, timeline, 16),
      index({ layer_metadata: { L: { file_size: 1, generation: 3 } } }),
    );
    expect((await storage.indexGenerations(tenant, timeline)).map(({ generation }) => generation)).toEqual([9, 16]);
    expect((await storage.indexPart(tenant, timeline, 9)).disk_consistent_lsn).toBe("0/9");
    expect(await storage.layerKeys(tenant, timeline)).toEqual([`tenants/${tenant}/timelines/${timeline}/L-00000003`]);
    await storage.editIndexPart(tenant, timeline, (part) => (part.deleted_at = "2025-01-01T00:00:00"));
    expect((await storage.indexPart(tenant, timeline)).deleted_at).toBe("2025-01-01T00:00:00");
    expect((await storage.indexPart(tenant, timeline, 9)).deleted_at).toBeUndefined();
    const nobody = storage.indexPart(tenant, TimelineId.generate());
    await expect(nobody).rejects.toMatchObject({ code: "CHECK_FAILED" });
  });

  test("manifests and heatmaps", async () => {
    expect(await storage.tenantManifest(tenant)).toBeUndefined();
    const manifest = { version: 1, offloaded_timelines: [] };
    await storage.write(`${storage.tenantPath(tenant)}tenant-manifest-00000002`, JSON.stringify(manifest));
    await storage.editTenantManifest(tenant, (found) => (found.version = 2));
    expect((await storage.tenantManifest(tenant))?.version).toBe(2);
    await storage.write(storage.heatmapKey(tenant), '{"generation":1,"timelines":[]}');
    await storage.editHeatmap(tenant, (heatmap) => (heatmap["generation"] = 7));
    expect((await storage.heatmap(tenant))["generation"]).toBe(7);
    await storage.write(storage.heatmapKey(tenant), "no JSON");
    await expect(storage.heatmap(tenant)).rejects.toMatchObject({ code: "CHECK_FAILED" });
  });
});

test("what stands in a folder belongs to the nodes' user, every level of it", async () => {
  const storage = await open("local_fs");
  await storage.write("tenants/t/timelines/x/key", "x");
  const root = String(storage.toml()["local_path"]);
  const owners = ["", "tenants", "tenants/t", "tenants/t/timelines/x", "tenants/t/timelines/x/key"].map(
    (path) => statSync(join(root, path)).uid,
  );
  expect(new Set(owners)).toEqual(new Set([identity?.uid ?? process.getuid?.()]));
});

describe("mock_s3", () => {
  test("every test has a bucket of its own, with a name that S3 takes, and it goes at the end", async () => {
    const name = `A very long name of a test ${"x".repeat(100)} (with signs)`;
    const [one, two] = [await open("mock_s3", name), await open("mock_s3", name)];
    const buckets = [one, two].map((storage) => String(storage.toml()["bucket_name"]));
    expect(new Set(buckets).size).toBe(2);
    for (const bucket of buckets) expect(bucket).toMatch(/^pageserver-a-very-long[a-z0-9-]{1,41}$/);
    await one.write("key", "x");
    expect(await two.list("")).toEqual([]);
    await one.release();
    await expect(one.list("")).rejects.toThrow("bucket does not exist");
    await two.release();
  });

  test("what the nodes get: bucket, region, end point; keys only by their environment", async () => {
    const storage = await open("mock_s3");
    expect(storage.toml()).toEqual({
      bucket_name: expect.any(String) as string,
      bucket_region: "us-east-1",
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      prefix_in_bucket: "neon",
    });
    const secret = storage.environment()["AWS_SECRET_ACCESS_KEY"] ?? "";
    expect(secret.length).toBeGreaterThan(20);
    const { inspect } = await import("node:util");
    const shown = [storage.describe(), JSON.stringify(storage.toml()), inspect(storage, { depth: 0 })].join();
    expect(shown).not.toContain(secret);
    await storage.release();
  });

  test("what a failed test had in its bucket is saved", async () => {
    const storage = await open("mock_s3");
    await storage.write("tenants/x", "content");
    const saveTo = join(makeTestDirectory("saved"), "pageserver");
    await storage.release({ saveTo });
    expect(readFileSync(join(saveTo, "objects", "tenants/x"), "utf8")).toBe("content");
    expect(readFileSync(join(saveTo, "objects.txt"), "utf8")).toMatch(/bucket pageserver-.* 7 tenants\/x\n/s);
  });

  test("versions, where the bucket keeps them, go with the rest", async () => {
    const storage = await open("mock_s3");
    if (!(storage instanceof S3Storage)) throw new Error("not S3");
    await storage.enableVersioning();
    await storage.write("key", "one");
    await storage.write("key", "two");
    await storage.delete(["key"]);
    await storage.removeEverything();
    const { ListObjectVersionsCommand } = await import("@aws-sdk/client-s3");
    const left = await storage.client.send(new ListObjectVersionsCommand({ Bucket: storage.place.bucket }));
    expect([left.Versions ?? [], left.DeleteMarkers ?? []]).toEqual([[], []]);
    await storage.release();
  });
});
