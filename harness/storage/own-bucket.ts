import { createHash } from "node:crypto";
import { S3Client } from "@aws-sdk/client-s3";
import type { AwsCredentials } from "./s3-storage";

const LONGEST_NAME = 63;

export function clientOf(endpoint: string, region: string, credentials: AwsCredentials): S3Client {
  return new S3Client({ endpoint, region, credentials: { ...credentials }, forcePathStyle: true });
}

/** storage_scrubber can't be told of a bucket without one: it would look below a prefix of production's. */
export const PREFIX_IN_OWN_BUCKET = "neon";

let buckets = 0;

/** S3 allows 63 characters; the last ones keep names apart that begin alike, or are used again in this worker. */
export function bucketName(name: string): string {
  buckets += 1;
  const unique = createHash("sha256").update(`${name} ${process.pid} ${buckets}`).digest("hex").slice(0, 8);
  return `${name.slice(0, LONGEST_NAME - unique.length - 1).replace(/-+$/, "")}-${unique}`;
}
