import { chownSync, chmodSync, mkdtempSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "minio";
import type { PortLease } from "../ports";
import { ManagedProcess, registerDirectory, registerUndo } from "../process";
import type { ProcessIdentity } from "../process";
import { HarnessError, hideSecretValue, messageOfUnknown } from "../types";
import { Wait } from "../wait";
import type { MockBackend } from "./mock-backend";
import { bucketName, clientOf, PREFIX_IN_OWN_BUCKET } from "./own-bucket";
import { S3Storage } from "./s3-storage";
import type { AwsCredentials } from "./s3-storage";

const REGION = "us-east-1";
const IMAGE = "minio/minio";
const PORT = 9000;
const START_BUDGET_MS = 60_000;

const LABEL = "neon-test.run";
/** Where testcontainers' own reaper is disabled, or dies with the run; nothing to remove is fine. */
const REMOVE_CONTAINERS = `docker ps --all --quiet --filter "label=$1=$2" | xargs -r docker rm --force --volumes`;
const labelOfRun = (): string => process.env["NEON_TEST_RUN_ID"]?.replaceAll("/", ".") ?? `${process.pid}`;

interface RunningMinio {
  host: string;
  port: number;
  stop: () => Promise<void>;
}

interface Ground {
  owner: ProcessIdentity | undefined;
  ports: PortLease;
}

/**
 * MinIO behind mock_s3: the program that MINIO_BIN names, or a container. One per worker. Throws
 * REMOTE_STORAGE_UNUSABLE when neither can be had.
 */
export async function startMinio(ground: Ground, env: NodeJS.ProcessEnv): Promise<MockBackend> {
  const keys = { accessKeyId: "neon-test", secretAccessKey: randomBytes(20).toString("hex") };
  hideSecretValue(keys.secretAccessKey);
  const program = env["MINIO_BIN"];
  const { host, port, stop } = program ? await startProgram(program, keys, ground) : await startContainer(keys);
  const endpoint = `http://${host}:${port}`;
  const s3 = clientOf(endpoint, REGION, keys);
  const { accessKeyId: accessKey, secretAccessKey: secretKey } = keys;
  const minio = new Client({ endPoint: host, port, useSSL: false, accessKey, secretKey, region: REGION });
  return {
    close: async () => {
      s3.destroy();
      await stop();
    },
    openBucket: async (name) => {
      const bucket = bucketName(name);
      await minio.makeBucket(bucket, REGION);
      const storage: S3Storage = new S3Storage(
        { kind: "mock_s3", bucket, region: REGION, endpoint, prefix: PREFIX_IN_OWN_BUCKET },
        s3,
        keys,
        {
          forget: async () => {
            await storage.removeEverything();
            await minio.removeBucket(bucket);
          },
          keepVersions: () => minio.setBucketVersioning(bucket, { Status: "Enabled" }),
        },
      );
      return storage;
    },
  };
}

const environmentOf = ({ accessKeyId, secretAccessKey }: AwsCredentials): Record<string, string> => ({
  MINIO_ROOT_USER: accessKeyId,
  MINIO_ROOT_PASSWORD: secretAccessKey,
});

async function startProgram(command: string, keys: AwsCredentials, { owner, ports }: Ground): Promise<RunningMinio> {
  const [host, port] = ["127.0.0.1", await ports.next()];
  // Root's TMPDIR may be a folder that the nodes' user can't enter.
  const dir = mkdtempSync(join(owner === undefined ? tmpdir() : "/tmp", "neon-test-minio-"));
  registerDirectory(dir);
  chmodSync(dir, 0o755);
  if (owner !== undefined) chownSync(dir, owner.uid, owner.gid);
  const address = `${host}:${port}`;
  const server = await ManagedProcess.spawn({
    ...{ name: "minio", command, cwd: dir, env: environmentOf(keys), logPath: join(dir, "minio.log") },
    args: ["server", "--quiet", "--address", address, join(dir, "data")],
    ...(owner === undefined ? {} : { identity: owner }),
  });
  try {
    await Wait.http(`http://${address}/minio/health/live`).wait({ process: server, budgetMs: START_BUDGET_MS });
  } catch (error) {
    await server.killFamily();
    throw error;
  }
  return { host, port, stop: () => server.killFamily() };
}

async function startContainer(keys: AwsCredentials): Promise<RunningMinio> {
  // It takes half a second to load: only those load it who need it.
  const { GenericContainer, Wait: Until } = await import("testcontainers");
  try {
    registerUndo("sh", ["-c", REMOVE_CONTAINERS, "sh", LABEL, labelOfRun()]);
    const container = await new GenericContainer(IMAGE)
      .withLabels({ [LABEL]: labelOfRun() })
      .withExposedPorts(PORT)
      .withEnvironment(environmentOf(keys))
      .withCommand(["server", "/data"])
      .withWaitStrategy(Until.forHttp("/minio/health/live", PORT))
      .withStartupTimeout(START_BUDGET_MS)
      .start();
    const [host, port] = [container.getHost(), container.getMappedPort(PORT)];
    return { host, port, stop: async () => void (await container.stop()) };
  } catch (cause) {
    throw new HarnessError("REMOTE_STORAGE_UNUSABLE", {
      summary: "MOCK_S3_BACKEND=minio is asked for, and MinIO can't be started in a container",
      expected: `a Docker daemon that has, or can pull, the image ${IMAGE}`,
      found: messageOfUnknown(cause).split("\n")[0] ?? "",
      todo: "start Docker, or set MINIO_BIN to MinIO's program, or unset MOCK_S3_BACKEND to use our own server",
      cause,
    });
  }
}
