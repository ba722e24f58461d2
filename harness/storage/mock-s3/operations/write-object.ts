import { writeDocument, writeFields } from "../../s3/xml";
import type { BodyFacts, RequestBody } from "../body";
import { S3Error } from "../errors";
import type { Bucket } from "../state/bucket";
import type { Store } from "../state/store";
import type { ObjectVersion, Segment } from "../state/types";
import { headerOf, theBucket, versionHeader, xmlReply, xmlTime } from "./call";
import type { Call, Reply } from "./call";
import { checkWriteConditions } from "./conditions";
import { copySource } from "./copy-source";
import { storedHeaders, taggingHeader } from "./object-headers";

/** Keeps a body that is whole and true, and lets `use` make something of it; what fails leaves nothing behind. */
export async function keepBody<T>(
  store: Store,
  body: RequestBody,
  use: (facts: BodyFacts, segments: readonly Segment[]) => T,
): Promise<T> {
  const writer = store.blobs.create(body.announced);
  let facts: BodyFacts;
  try {
    facts = await body.read((data) => writer.write(data));
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const finished = writer.finish();
  const segments = [finished instanceof Promise ? await finished : finished];
  store.hold(segments);
  try {
    return use(facts, segments);
  } finally {
    store.release(segments);
  }
}

export const checksumHeader = (checksum: { name: string; value: string } | undefined): Record<string, string> =>
  checksum === undefined ? {} : { [`x-amz-checksum-${checksum.name}`]: checksum.value };

export async function putObject(call: Call): Promise<Reply> {
  const { request, store } = call;
  const bucket = theBucket(call);
  checkWriteConditions(request, bucket);
  const described = { headers: storedHeaders(request), tags: taggingHeader(request) };
  return keepBody(store, call.body(), (facts, segments) => {
    // While the body came, somebody else may have made the condition false.
    checkWriteConditions(request, store.bucket(request.bucket));
    const version = store.put(bucket, request.key, {
      ...described,
      isDeleteMarker: false,
      etag: `"${facts.md5}"`,
      size: facts.size,
      segments,
      checksum: facts.checksum === undefined ? undefined : { ...facts.checksum, type: "FULL_OBJECT" },
    });
    const headers = { etag: version.etag, ...versionHeader(bucket, version), ...checksumHeader(facts.checksum) };
    return { status: 200, headers };
  });
}

/** Copies without touching a byte: both objects refer to the same. */
export function copyObject(call: Call): Reply {
  const { request, store } = call;
  const bucket = theBucket(call);
  const source = copySource(call);
  const directive = headerOf(request, "x-amz-metadata-directive") ?? "COPY";
  const isSelf = source.bucket === bucket && source.key === request.key && source.askedVersion === undefined;
  const changesClass = headerOf(request, "x-amz-storage-class") !== undefined;
  if (isSelf && directive !== "REPLACE" && !changesClass) {
    const message =
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
    throw new S3Error("InvalidRequest", { message });
  }
  checkWriteConditions(request, bucket);
  const { etag, size, segments, partSizes, checksum } = source.version;
  const version = store.put(bucket, request.key, {
    ...{ isDeleteMarker: false, etag, size, segments, partSizes, checksum },
    headers: copiedHeaders(call, source.version, directive),
    tags: headerOf(request, "x-amz-tagging-directive") === "REPLACE" ? taggingHeader(request) : source.version.tags,
  });
  const fromVersion: Record<string, string> =
    source.bucket.versioning === undefined ? {} : { "x-amz-copy-source-version-id": source.version.versionId };
  const result = writeFields({ LastModified: xmlTime(version.lastModified), ETag: version.etag });
  return xmlReply(writeDocument("CopyObjectResult", result), { ...versionHeader(bucket, version), ...fromVersion });
}

function copiedHeaders({ request }: Call, source: ObjectVersion, directive: string): Record<string, string> {
  if (directive === "REPLACE") return storedHeaders(request);
  // The storage class is the request's own, whatever the source had.
  const { "x-amz-storage-class": _class, ...kept } = source.headers;
  const storageClass = headerOf(request, "x-amz-storage-class");
  return storageClass === undefined ? kept : { ...kept, "x-amz-storage-class": storageClass };
}

/** Deletes a key or a version; says what the answer tells of it. A key that isn't there is fine. */
export function deleteKey(
  store: Store,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): { versionId?: string; isDeleteMarker: boolean } {
  const object = { type: "object", bucket: bucket.name, key } as const;
  if (versionId !== undefined) {
    const version = bucket.versions(key).find((each) => each.versionId === versionId);
    if (version !== undefined) store.change({ ...object, drop: [versionId] });
    return { versionId, isDeleteMarker: version?.isDeleteMarker ?? false };
  }
  if (bucket.versioning === undefined) {
    if (bucket.latest(key) !== undefined) store.change({ ...object, drop: ["null"] });
    return { isDeleteMarker: false };
  }
  const nothing = { etag: "", size: 0, segments: [], headers: {} };
  const marker = store.put(bucket, key, { ...nothing, isDeleteMarker: true });
  return { versionId: marker.versionId, isDeleteMarker: true };
}

export function deleteObject(call: Call): Reply {
  const { request, store } = call;
  const deleted = deleteKey(store, theBucket(call), request.key, request.query.get("versionId"));
  return {
    status: 204,
    headers: {
      ...(deleted.versionId === undefined ? {} : { "x-amz-version-id": deleted.versionId }),
      ...(deleted.isDeleteMarker ? { "x-amz-delete-marker": "true" } : {}),
    },
  };
}
