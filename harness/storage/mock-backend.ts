import type { S3Client } from "@aws-sdk/client-s3";
import type { PortLease } from "../ports";
import type { ProcessIdentity } from "../process";
import { hideSecretValue, HarnessError } from "../types";
import { MockS3 } from "./mock-s3/mock-s3";
import type { S3Fault } from "./mock-s3/faults";
import { bucketName, clientOf, PREFIX_IN_OWN_BUCKET } from "./own-bucket";
import { S3Storage } from "./s3-storage";
import type { S3Place } from "./s3-storage";

/** What stands behind mock_s3 in this worker. */
export interface MockBackend {
  /** A bucket of that name, or nearly so, that nobody else has. */
  openBucket(name: string): Promise<S3Storage>;
  close(): Promise<void>;
}

const BACKENDS = ["own", "minio"] as const;

/** MOCK_S3_BACKEND: our own server (default), or MinIO. Throws BAD_ENV or REMOTE_STORAGE_UNUSABLE. */
export async function startMockBackend(
  ground: { owner: ProcessIdentity | undefined; ports: PortLease },
  env: NodeJS.ProcessEnv = process.env,
): Promise<MockBackend> {
  const value = env["MOCK_S3_BACKEND"] || "own";
  const backend = BACKENDS.find((name) => name === value);
  if (backend === "own") return ownBackend();
  if (backend === "minio") {
    const { startMinio } = await import("./minio");
    return startMinio(ground, env);
  }
  throw new HarnessError("BAD_ENV", {
    summary: "MOCK_S3_BACKEND names no S3 server",
    expected: `one of ${BACKENDS.join(", ")}`,
    found: value,
    todo: "correct it, or unset MOCK_S3_BACKEND",
  });
}

async function ownBackend(): Promise<MockBackend> {
  const server = await MockS3.start();
  hideSecretValue(server.keys.secretAccessKey);
  const client = clientOf(server.endpoint, server.region, server.keys);
  return {
    close: async () => {
      client.destroy();
      await server.stop();
    },
    openBucket: async (name) => {
      const bucket = bucketName(name);
      await server.createBucket(bucket);
      const place = {
        kind: "mock_s3",
        bucket,
        region: server.region,
        endpoint: server.endpoint,
        prefix: PREFIX_IN_OWN_BUCKET,
      } as const;
      return new MockS3Storage(place, client, server);
    },
  };
}

/** A bucket of our own server, in which things can go wrong on request. */
export class MockS3Storage extends S3Storage {
  readonly server: MockS3;

  constructor(place: S3Place, client: S3Client, server: MockS3) {
    super(place, client, server.keys, { forget: () => server.removeBucket(place.bucket) });
    this.server = server;
  }

  /** Replaces the faults that were set for this bucket before. */
  override clearFaults(): Promise<void> {
    return this.setFaults([]);
  }

  override async setFaults(faults: readonly S3Fault[]): Promise<void> {
    await this.server.setFaults(faults, this.place.bucket);
  }
}
