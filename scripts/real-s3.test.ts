import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MockS3 } from "../harness/storage/mock-s3/mock-s3";
import { TestBucket } from "../harness/storage/testing/client";
import { makeTestDirectory } from "../harness/testing";
import { pollUntil } from "../harness/wait";
import { neonTest } from "./testing/command";
import { InlineSuite } from "./testing/inline-suite";

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

const environmentOf = (server: MockS3): Record<string, string> => ({
  ...{ HOME: homeWithProfile(server), AWS_PROFILE: "lab", AWS_EC2_METADATA_DISABLED: "true" },
  ...{ ENABLE_REAL_S3_REMOTE_STORAGE: "1", REMOTE_STORAGE_S3_BUCKET: "shared-bucket" },
  REMOTE_STORAGE_S3_REGION: "eu-central-1",
});

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
  const environment = { ...environmentOf(server), TEST_OUTPUT: output };
  const run = await neonTest(["regress/remote-storage/restore.test.ts", ...chosen], environment);
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

const keysIn = async (bucket: TestBucket): Promise<string[]> =>
  (await bucket.keys()).filter((key) => key !== undefined);

const WRITES = `
import { writeFileSync } from "node:fs";
test("writes to the bucket", async ({ neonSimpleEnv: env }) => {
  writeFileSync(process.env.SCRATCH + "/started", "yes");
  if (process.env.FAILS) throw new Error("on purpose");
  await new Promise(() => {});
});`;

test("a run on real_s3 that is killed leaves nothing in the bucket, and all of its neighbours'", async () => {
  await using server = await MockS3.start({ buckets: ["shared-bucket"] });
  using bucket = new TestBucket(server, "shared-bucket");
  await bucket.put("neon-test-somebody/else", "x");
  using suite = new InlineSuite({ one: WRITES });
  const run = suite.start([], { ...environmentOf(server), NEON_TEST_REMOTE_STORAGE: "real_s3" });
  onTestFinished(() => void run.kill("SIGKILL"));
  await pollUntil("the test to start", () => suite.hasNote("started"), { budgetMs: 60_000 });
  const written = (await keysIn(bucket)).filter((key) => !key.startsWith("neon-test-somebody/"));
  expect(written.length).toBeGreaterThan(0);
  expect(
    written.filter((key) => !/^neon-test-[0-9a-z]+-\d+-[0-9a-f]{8}\/one-writes-to-the-bucket\//.test(key)),
  ).toEqual([]);
  run.kill("SIGKILL");
  await run;
  const probe = async ({ observed }: { observed: (keys: readonly string[]) => void }) => {
    const keys = await keysIn(bucket);
    observed(keys);
    return keys.length === 1;
  };
  await pollUntil("the run's objects to go", probe, { budgetMs: 30_000 });
  expect(await bucket.keys()).toEqual(["neon-test-somebody/else"]);
});

test("what an environment that is kept has in the bucket goes with it", async () => {
  await using server = await MockS3.start({ buckets: ["shared-bucket"] });
  using bucket = new TestBucket(server, "shared-bucket");
  using suite = new InlineSuite({ one: WRITES });
  const environment = { ...environmentOf(server), NEON_TEST_REMOTE_STORAGE: "real_s3", FAILS: "yes" };
  const { stdout } = await suite.start(["--keep", "on-failure"], environment);
  const [, id = ""] = /^ {2}neon-test down (\w+)$/m.exec(stdout) ?? [];
  const kept = await bucket.keys();
  await neonTest(["down", id]);
  expect(kept.length).toBeGreaterThan(0);
  expect(await bucket.keys()).toEqual([]);
});
