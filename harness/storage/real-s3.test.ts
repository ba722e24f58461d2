import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { PortPool } from "../ports";
import { freePort, makeTestDirectory } from "../testing";
import { HarnessError } from "../types";
import { remoteStorageOfRun } from "./kinds";
import { startMockBackend } from "./mock-backend";
import { MockS3 } from "./mock-s3/mock-s3";
import { connectRealS3 } from "./real-s3";
import { sweepStaleRunPrefixes } from "./run-prefix";
import { S3Storage } from "./s3-storage";
import { TestBucket } from "./testing/client";

/** Our own server stands for somebody's cloud. */
let server: MockS3;
let bucket: TestBucket;

beforeAll(async () => {
  server = await MockS3.start();
  bucket = await new TestBucket(server, "shared-bucket").create();
});
afterAll(async () => {
  bucket[Symbol.dispose]();
  await server.stop();
});

const AWS = /^(AWS_|REMOTE_STORAGE_|ENABLE_REAL)/;

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (AWS.test(name)) vi.stubEnv(name, undefined);
  const home = makeTestDirectory("home");
  vi.stubEnv("HOME", home);
  // Or else the SDK would ask the machine for the role that it has as a virtual machine of AWS.
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  vi.stubEnv("REMOTE_STORAGE_S3_BUCKET", "shared-bucket");
  vi.stubEnv("REMOTE_STORAGE_S3_REGION", "eu-central-1");
});
afterEach(() => void vi.unstubAllEnvs());

function stubKeys(keys = server.keys): void {
  vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
  vi.stubEnv("AWS_ENDPOINT_URL_S3", server.endpoint);
}

/** ~/.aws/config and ~/.aws/credentials of a person with this profile. */
function stubProfile(name: string, config: string, credentials = ""): string {
  const home = String(process.env["HOME"]);
  mkdirSync(join(home, ".aws", "sso", "cache"), { recursive: true });
  writeFileSync(join(home, ".aws", "config"), config);
  writeFileSync(join(home, ".aws", "credentials"), credentials);
  vi.stubEnv("AWS_PROFILE", name);
  return home;
}

async function errorOf(call: Promise<unknown>): Promise<HarnessError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
  throw new Error("it succeeded, and should have failed");
}

describe("keys, region and end point", () => {
  test("from variables", async () => {
    stubKeys();
    const { place, client, credentials } = await connectRealS3();
    expect(place).toEqual({
      ...{ kind: "real_s3", bucket: "shared-bucket", region: "eu-central-1" },
      endpoint: server.endpoint,
    });
    expect(await credentials()).toEqual({ ...server.keys, sessionToken: undefined });
    client.destroy();
  });

  test("from a profile whose services name the end point", async () => {
    const config = `[profile minio]\nservices = local\n[services local]\ns3 =\n  endpoint_url = ${server.endpoint}\n`;
    const { accessKeyId, secretAccessKey } = server.keys;
    const keys = `[minio]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    stubProfile("minio", config, keys);
    const { place, client, credentials } = await connectRealS3();
    const storage = new S3Storage({ ...place, prefix: "run/test/pageserver" }, client, await credentials());
    expect(storage.toml()).toEqual({
      ...{ bucket_name: "shared-bucket", bucket_region: "eu-central-1", prefix_in_bucket: "run/test/pageserver" },
      endpoint: server.endpoint,
    });
    expect(storage.environment()).toEqual({
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    client.destroy();
  });

  test("a session token reaches the nodes, too", async () => {
    const keys = {
      accessKeyId: "temporary",
      secretAccessKey: "temporary-secret-0a1b",
      sessionToken: "token-of-an-hour",
    };
    await using other = await MockS3.start({ keys, buckets: ["shared-bucket"] });
    stubKeys(keys);
    vi.stubEnv("AWS_ENDPOINT_URL_S3", other.endpoint);
    vi.stubEnv("AWS_SESSION_TOKEN", "token-of-an-hour");
    const { place, client, credentials } = await connectRealS3();
    const storage = new S3Storage({ ...place, prefix: "p" }, client, await credentials());
    expect(storage.environment()["AWS_SESSION_TOKEN"]).toBe("token-of-an-hour");
    vi.stubEnv("AWS_SESSION_TOKEN", "token-of-yesterday");
    const refused = await errorOf(connectRealS3());
    expect(refused.message).toContain("AWS_SESSION_TOKEN");
    client.destroy();
  });
});

describe("nothing is deleted outside of one's own prefix", () => {
  const NEIGHBOURS = [
    "run/test/pageserver",
    "run/test/pageserver2/key",
    "run/test/pageserver-2/key",
    "run/test/safekeeper/key",
    "run/test2/pageserver/key",
    "run2/test/pageserver/key",
    "tenants/key",
    "key",
  ];

  test.each(["without versions", "with versions"])("neighbours stay, %s", async (mode) => {
    stubKeys();
    if (mode === "with versions") {
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await bucket.s3.send(new PutBucketVersioningCommand({ Bucket: bucket.bucket, VersioningConfiguration }));
    }
    for (const key of NEIGHBOURS) await bucket.put(key, "a neighbour's");
    const { place, client, credentials } = await connectRealS3();
    const storage = new S3Storage({ ...place, prefix: "run/test/pageserver" }, client, await credentials());
    for (const key of ["a", "b/c", "b/c"]) await storage.write(key, "mine");
    await storage.delete(["a"]);
    expect((await storage.list("")).map(({ key }) => key)).toEqual(["b/c"]);
    await storage.release();
    expect(await bucket.keys()).toEqual([...NEIGHBOURS].sort((a, b) => (a < b ? -1 : 1)));
    for (const key of NEIGHBOURS) expect(await bucket.text(key)).toBe("a neighbour's");
    client.destroy();
  });

  test("later runs sweep what a run has left that was killed more than a day ago, and nothing else", async () => {
    stubKeys();
    const DAY = 24 * 3600 * 1000;
    const later = Date.now() + 2 * DAY;
    const run = (began: number): string => `neon-test-${began.toString(36)}-123-0a1b2c3d`;
    const [old, recent] = [run(Date.now() - 3 * DAY), run(later - DAY / 2)];
    const kept = [
      `${recent}/test/pageserver/key`,
      `${old}`,
      `${old}x/key`,
      "neon-test-of-somebody/key",
      "neon-test-zzz-1-0a1b2c3d/key",
      "other/key",
    ];
    for (const key of [...kept, `${old}/test/pageserver/key`, `${old}/other/safekeeper/key`])
      await bucket.put(key, "x");
    const real = await connectRealS3();
    expect(await sweepStaleRunPrefixes(real)).toEqual([]);
    expect(await sweepStaleRunPrefixes(real, later)).toEqual([old]);
    const left = await bucket.keys();
    expect(left.filter((key) => key?.startsWith(`${old}/`))).toEqual([]);
    expect(kept.filter((key) => !left.includes(key))).toEqual([]);
    real.client.destroy();
  });
});

describe("bad input: one error that names the variable or profile, and what to do", () => {
  test.each(["REMOTE_STORAGE_S3_BUCKET", "REMOTE_STORAGE_S3_REGION"])("no %s", async (name) => {
    stubKeys();
    vi.stubEnv(name, "");
    const error = await errorOf(connectRealS3());
    expect([error.code, error.message]).toEqual(["BAD_ENV", expect.stringContaining(`${name} is not set`)]);
    expect(error.message).toContain("unset ENABLE_REAL_S3_REMOTE_STORAGE");
  });

  test("no keys at all", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL_S3", server.endpoint);
    const error = await errorOf(connectRealS3());
    expect(error.code).toBe("REMOTE_STORAGE_UNUSABLE");
    expect(error.message).toMatch(/no AWS credentials[^]*AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE/);
  });

  test("a profile that isn't there", async () => {
    stubProfile("nobody", "[profile somebody]\nregion = r\n");
    const { message } = await errorOf(connectRealS3());
    expect(message).toMatch(/profile nobody \(AWS_PROFILE\) gives no credentials[^]*~\/\.aws\/config/);
  });

  test("an SSO session that has expired", async () => {
    const sso = "sso_session = work\nsso_account_id = 1\nsso_role_name = r\n";
    const session = "[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://example.invalid/start\n";
    const home = stubProfile("sso-profile", `[profile sso-profile]\n${sso}${session}`);
    const file = `${createHash("sha1").update("work").digest("hex")}.json`;
    const token = { accessToken: "old", expiresAt: "2020-01-01T00:00:00Z", startUrl: "https://example.invalid/start" };
    writeFileSync(join(home, ".aws", "sso", "cache", file), JSON.stringify(token));
    const { code, message } = await errorOf(connectRealS3());
    expect(code).toBe("REMOTE_STORAGE_UNUSABLE");
    expect(message).toMatch(/SSO session of profile sso-profile has expired[^]*aws sso login --profile sso-profile/);
  });

  test("an end point that doesn't answer", async () => {
    stubKeys();
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    vi.stubEnv("AWS_ENDPOINT_URL_S3", endpoint);
    const { code, message } = await errorOf(connectRealS3());
    expect(code).toBe("REMOTE_STORAGE_UNUSABLE");
    expect(message).toContain(`${endpoint} does not answer`);
    expect(message).toContain("AWS_ENDPOINT_URL_S3");
  });

  test("keys that S3 doesn't take; the secret is not in the message", async () => {
    stubKeys({ ...server.keys, secretAccessKey: "quite-a-secret-of-mine" });
    const { message } = await errorOf(connectRealS3());
    expect(message).toContain("does not take the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    expect(message).not.toContain("quite-a-secret-of-mine");
    const quoting = new HarnessError("CHECK_FAILED", { summary: "a log says quite-a-secret-of-mine" });
    expect(quoting.message).toBe("CHECK_FAILED: a log says ***");
  });

  test("a bucket that isn't there", async () => {
    stubKeys();
    vi.stubEnv("REMOTE_STORAGE_S3_BUCKET", "no-such-bucket");
    const { message } = await errorOf(connectRealS3());
    expect(message).toMatch(/bucket no-such-bucket does not exist[^]*REMOTE_STORAGE_S3_BUCKET/);
  });

  test("a bucket that keeps no versions, where a test needs them", async () => {
    await server.createBucket("no-versions");
    stubKeys();
    vi.stubEnv("REMOTE_STORAGE_S3_BUCKET", "no-versions");
    const { place, client, credentials } = await connectRealS3();
    const storage = new S3Storage({ ...place, prefix: "p" }, client, await credentials());
    const { code, message } = await errorOf(storage.enableVersioning());
    expect(code).toBe("REMOTE_STORAGE_UNUSABLE");
    expect(message).toMatch(/bucket no-versions keeps no versions[^]*put-bucket-versioning --bucket no-versions/);
    client.destroy();
  });

  test("NEON_TEST_REMOTE_STORAGE and MOCK_S3_BACKEND with other values", async () => {
    expect(() => remoteStorageOfRun({ NEON_TEST_REMOTE_STORAGE: "s3" })).toThrow("one of local_fs, mock_s3, real_s3");
    await using ports = await PortPool.lease();
    const backend = startMockBackend({ owner: undefined, ports }, { MOCK_S3_BACKEND: "moto" });
    expect((await errorOf(backend)).message).toContain("one of own, minio");
  });

  test("MinIO without Docker", async () => {
    await using ports = await PortPool.lease();
    vi.stubEnv("DOCKER_HOST", `tcp://127.0.0.1:${await freePort()}`);
    vi.stubEnv("TESTCONTAINERS_RYUK_DISABLED", "true");
    const { code, message } = await errorOf(
      startMockBackend({ owner: undefined, ports }, { MOCK_S3_BACKEND: "minio" }),
    );
    expect(code).toBe("REMOTE_STORAGE_UNUSABLE");
    expect(message).toMatch(/MOCK_S3_BACKEND=minio[^]*start Docker, or set MINIO_BIN/);
  });
});
