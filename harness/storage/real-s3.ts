import { S3Client } from "@aws-sdk/client-s3";
import { hideSecretValue, HarnessError } from "../types";
import { explainS3Failure } from "./s3-failure";
import type { AwsCredentials, S3Place } from "./s3-storage";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";

const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** A bucket of somebody's cloud, which answers, and whose keys are good at the time. */
export interface RealS3 {
  place: Omit<S3Place, "prefix">;
  client: S3Client;
  credentials: () => Promise<AwsCredentials>;
}

/**
 * The bucket that REMOTE_STORAGE_S3_BUCKET and REMOTE_STORAGE_S3_REGION name. Keys and end point are what the AWS SDK
 * finds: AWS_ACCESS_KEY_ID …, AWS_PROFILE (also with SSO, also with `endpoint_url` in its services), AWS_ENDPOINT_URL_S3.
 * Throws BAD_ENV, or REMOTE_STORAGE_UNUSABLE when keys, end point or bucket are no good.
 */
export async function connectRealS3(env: NodeJS.ProcessEnv = process.env): Promise<RealS3> {
  const bucket = required(env, "REMOTE_STORAGE_S3_BUCKET", "the bucket to test in");
  const region = required(env, "REMOTE_STORAGE_S3_REGION", "the bucket's region, e.g. eu-central-1");
  const client = new S3Client({
    region,
    // Of AWS or of a MinIO on some host: every server takes the bucket's name in the path.
    forcePathStyle: true,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
  });
  const credentials = async (): Promise<AwsCredentials> => {
    const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
    for (const secret of [secretAccessKey, sessionToken]) if (secret !== undefined) hideSecretValue(secret);
    return { accessKeyId, secretAccessKey, sessionToken };
  };
  try {
    await credentials();
    await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
  } catch (error) {
    const endpoint = await endpointOf(client).catch(() => undefined);
    client.destroy();
    throw explainS3Failure(error, { bucket, region, endpoint, profile: env["AWS_PROFILE"] });
  }
  const place = { kind: "real_s3", bucket, region, endpoint: await endpointOf(client) } as const;
  return { place, client, credentials };
}

/** What a variable or a profile names; undefined where it is AWS' own. The SDK knows it after its first request. */
async function endpointOf(client: S3Client): Promise<string | undefined> {
  const endpoint = await client.config.endpoint?.();
  if (endpoint === undefined) return undefined;
  const { protocol, hostname, port, path } = endpoint;
  const base = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
  return path === "/" ? base : `${base}${path}`;
}

function required(env: NodeJS.ProcessEnv, name: string, meaning: string): string {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  throw new HarnessError("BAD_ENV", {
    summary: `real_s3 is asked for, and ${name} is not set`,
    expected: `${name}=${meaning}`,
    found: "nothing",
    todo: `set ${name}, or unset ENABLE_REAL_S3_REMOTE_STORAGE to test against mock_s3`,
  });
}
