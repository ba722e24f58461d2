import type { RequestBody } from "../body";
import { S3Error } from "../errors";
import type { S3Request } from "../request";
import type { Bucket } from "../state/bucket";
import type { Store } from "../state/store";
import type { ObjectVersion, Segment } from "../state/types";

/** One request that is allowed, on its way through its operation. */
export interface Call {
  readonly store: Store;
  readonly request: S3Request;
  /** Takes the body; only operations that have one ask for it. */
  readonly body: () => RequestBody;
  readonly now: number;
  /** Listings show the bucket as it was then. */
  readonly listAsOf: number | undefined;
  readonly region: string;
}

export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** XML, or bytes of objects. */
  body?: string | { segments: readonly Segment[]; start: number; end: number };
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

export const xmlReply = (body: string, headers: Record<string, string> = {}): Reply => ({
  status: 200,
  headers: { "content-type": "application/xml", ...headers },
  body,
});

export const theBucket = ({ store, request }: Call): Bucket => store.bucket(request.bucket);

export const headerOf = (request: S3Request, name: string): string | undefined => request.raw.headers[name]?.toString();

/** Whole seconds, as S3 keeps times. */
const wholeSeconds = (time: number): Date => new Date(Math.floor(time / 1000) * 1000);
export const xmlTime = (time: number): string => wholeSeconds(time).toISOString();
export const httpTime = (time: number): string => wholeSeconds(time).toUTCString();

/** The header that names the version, where the bucket has versions. */
export function versionHeader(bucket: Bucket, { versionId }: { versionId: string }): Record<string, string> {
  return bucket.versioning === undefined ? {} : { "x-amz-version-id": versionId };
}

/** The version that a request is about; throws NoSuchKey, NoSuchVersion or MethodNotAllowed (for a delete marker). */
export function requireVersion(bucket: Bucket, key: string, versionId: string | undefined): ObjectVersion {
  if (versionId !== undefined) return requireExactVersion(bucket, key, versionId);
  const latest = bucket.latest(key);
  if (latest !== undefined && !latest.isDeleteMarker) return latest;
  const headers: Record<string, string> =
    latest === undefined ? {} : { "x-amz-delete-marker": "true", "x-amz-version-id": latest.versionId };
  throw new S3Error("NoSuchKey", { fields: { Key: key }, headers });
}

function requireExactVersion(bucket: Bucket, key: string, versionId: string): ObjectVersion {
  const version = bucket.versions(key).find((each) => each.versionId === versionId);
  if (version === undefined) {
    if (versionId === "") throw new S3Error("InvalidArgument", { message: "Version id cannot be the empty string" });
    throw new S3Error("NoSuchVersion", { fields: { Key: key, VersionId: versionId } });
  }
  if (!version.isDeleteMarker) return version;
  const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": versionId, allow: "DELETE" };
  throw new S3Error("MethodNotAllowed", { fields: { Method: "GET", ResourceType: "DeleteMarker" }, headers });
}
