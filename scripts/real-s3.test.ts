import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MockS3 } from "../harness/storage/mock-s3/mock-s3";
import { TestBucket } from "../harness/storage/testing/client";
import { makeTestDirectory } from "../harness/testing";
import { neonTest } from "./testing/command";

/** A person's ~/.aws with one profile, whose services say where S3 is. */
function homeWithProfile(server: MockS3): string {
  const home = makeTestDirectory("home");
  mkdirSync(join(home, ".aws"));
  const config = `[profile lab]\nservices = lab-services\n\n[services lab-services]\ns3 =\n  endpoint_url = ${server.endpoint}\n`;
  writeFileSync(join(home, ".aws", "config"), config);
  const { accessKeyId, secretAccessKey } = server.keys;
  const keys = `[lab]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  writeFileSync(join(home, ".aws", "credentials"), keys, { mode: 0o600 });
  return home;
}

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test("a run on real_s3 by AWS_PROFILE: passes, leaves nothing of its own and all of its neighbours', and no key anywhere", async () => {
  await using server = await MockS3.start({ buckets: ["shared-bucket"] });
  using bucket = new TestBucket(server, "shared-bucket");
  const neighbours = ["neon-test-somebody/else", "tenants/of-somebody"];
  for (const key of neighbours) await bucket.put(key, "x");
  const output = join(makeTestDirectory("real-s3"), "output");
  const chosen = ["-k", "real_s3 and (lost or leaves)", "--preserve-database-files"];
  const run = await neonTest(["regress/remote-storage/restore.test.ts", ...chosen], {
    ...{ HOME: homeWithProfile(server), AWS_PROFILE: "lab", AWS_EC2_METADATA_DISABLED: "true" },
    ...{ ENABLE_REAL_S3_REMOTE_STORAGE: "1", REMOTE_STORAGE_S3_BUCKET: "shared-bucket" },
    ...{ REMOTE_STORAGE_S3_REGION: "eu-central-1", TEST_OUTPUT: output },
  });
  expect([run.exitCode, run.stdout], run.stderr).toEqual([
    0,
    expect.stringMatching(/^2 passed, 0 failed, 0 skipped$/m),
  ]);
  const { operations } = await server.counts();
  expect(operations["PutObject"]).toBeGreaterThan(5);
  expect(await bucket.keys()).toEqual(neighbours);
  const kept = filesBelow(output);
  expect(kept.some((path) => path.endsWith("pageserver.log"))).toBe(true);
  const { secretAccessKey: secret } = server.keys;
  expect(kept.filter((path) => readFileSync(path).includes(secret))).toEqual([]);
  expect(`${run.stdout}${run.stderr}`).not.toContain(secret);
});
