import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MockS3 } from "../../harness/storage/mock-s3/mock-s3";
import { TestBucket } from "../../harness/storage/testing/client";
import { makeTestDirectory } from "../../harness/testing";
import { neonTest } from "../testing/command";

const TIMELINE = `tenants/${"a".repeat(32)}/timelines/${"b".repeat(32)}`;
const LAYER = `${"0".repeat(36)}-${"F".repeat(36)}__0000000001000000-00000001`;
const INDEX = JSON.stringify({
  ...{ version: 10, disk_consistent_lsn: "0/1" },
  layer_metadata: { [LAYER.slice(0, -9)]: { file_size: 4, generation: 1 } },
});

test("scrub looks through a folder, and finds what is missing", async () => {
  const dir = makeTestDirectory("scrub");
  mkdirSync(join(dir, TIMELINE), { recursive: true });
  writeFileSync(join(dir, TIMELINE, "index_part.json-00000001"), INDEX);
  writeFileSync(join(dir, TIMELINE, LAYER), "data");
  const healthy = await neonTest(["scrub", "--dir", dir]);
  expect([healthy.exitCode, healthy.stderr]).toEqual([0, ""]);
  expect(healthy.stdout).toContain("1 tenants, 1 timelines, 1 layers: all there");
  rmSync(join(dir, TIMELINE, LAYER));
  const damaged = await neonTest(["scrub", "--dir", dir]);
  expect(damaged.exitCode).toBe(1);
  expect(damaged.stderr).toMatch(new RegExp(`CHECK_FAILED: remote storage is damaged[^]*${LAYER} is not there`));
});

test("scrub looks through a prefix of a bucket", async () => {
  await using server = await MockS3.start({ buckets: ["bucket"] });
  using bucket = new TestBucket(server);
  await bucket.put(`some/prefix/${TIMELINE}/index_part.json-00000001`, INDEX);
  await bucket.put(`some/prefix/${TIMELINE}/${LAYER}`, "data");
  const { accessKeyId, secretAccessKey } = server.keys;
  const env = {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const healthy = await neonTest(["scrub", "--bucket", "bucket", "--prefix", "some/prefix"], env);
  expect([healthy.exitCode, healthy.stderr]).toEqual([0, ""]);
  expect(healthy.stdout).toContain("1 layers: all there");
  const elsewhere = await neonTest(["scrub", "--bucket", "bucket"], env);
  expect(elsewhere.exitCode).toBe(2);
  expect(elsewhere.stderr).toMatch(/BAD_VALUE: there is nothing to scrub[^]*whether the prefix/);
});

test.for<[string[], RegExp]>([
  [[], /BAD_ARGUMENT: .*not told where to look\n {2}expected: --dir D, or --bucket NAME/],
  [["--dir", "/nowhere/at/all"], /BAD_VALUE: there is no such folder/],
  [["--dir", "/tmp", "--bucket", "b"], /BAD_ARGUMENT/],
])("neon-test scrub %j is refused", async ([args, message]) => {
  const run = await neonTest(["scrub", ...args]);
  expect([run.exitCode, run.stdout]).toEqual([2, ""]);
  expect(run.stderr).toMatch(message);
});
