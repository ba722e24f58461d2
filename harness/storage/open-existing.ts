import { LocalFsStorage } from "./local-fs-storage";
import type { RemoteStorage } from "./remote-storage";

/** A folder that somebody has filled. */
export const openFolder = (root: string): RemoteStorage => LocalFsStorage.at(root);

/** A bucket that somebody has filled; keys and end point as the AWS SDK finds them. Throws REMOTE_STORAGE_UNUSABLE. */
export async function openS3(place: { bucket: string; region: string; prefix: string }): Promise<RemoteStorage> {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const [{ connectRealS3 }, { S3Storage }] = await Promise.all([import("./real-s3"), import("./s3-storage")]);
  const env = { REMOTE_STORAGE_S3_BUCKET: place.bucket, REMOTE_STORAGE_S3_REGION: place.region };
  const { place: found, client, credentials } = await connectRealS3({ ...process.env, ...env });
  return new S3Storage({ ...found, prefix: place.prefix }, client, await credentials());
}
