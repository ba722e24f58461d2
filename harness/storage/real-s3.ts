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
  const asked = watchEndpoint(client, { bucket, region });
  try {
    await credentials();
    await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
  } catch (error) {
    client.destroy();
    throw explainS3Failure(error, { bucket, region, endpoint: asked.endpoint, profile: env["AWS_PROFILE"] });
  }
  return { place: { kind: "real_s3", bucket, region, endpoint: asked.endpoint }, client, credentials };
}

interface SentRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
}

/**
 * Where the client's requests go; undefined where that is AWS' own place for the region. Variables and profiles can name
 * another, and the SDK tells nobody but the request.
 */
function watchEndpoint(client: S3Client, { bucket, region }: { bucket: string; region: string }) {
  const asked: { endpoint: string | undefined } = { endpoint: undefined };
  const own = new RegExp(`^s3[.-]${region}\\.amazonaws\\.com(\\.cn)?$`);
  client.middlewareStack.add(
    (next) => (args) => {
      const { protocol, hostname, port, path } = args.request as SentRequest;
      const base = path.slice(0, Math.max(0, path.lastIndexOf(`/${bucket}`)));
      const url = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${base}`;
      asked.endpoint = own.test(hostname) ? undefined : url;
      return next(args);
    },
    { step: "finalizeRequest", name: "watch-endpoint" },
  );
  return asked;
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
