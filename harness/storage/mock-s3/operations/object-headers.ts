import { S3Error } from "../errors";
import type { S3Request } from "../request";
import type { StoredHeaders } from "../state/types";
import { headerOf } from "./call";

/** Headers that S3 keeps with an object and gives back. */
const KEPT = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];
const STORAGE_CLASSES =
  /^(STANDARD|REDUCED_REDUNDANCY|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|GLACIER|DEEP_ARCHIVE|GLACIER_IR|EXPRESS_ONEZONE)$/;
const MAX_METADATA_BYTES = 2048;
const MAX_TAGS = 10;

/** What a request says about the object that it makes. Throws MetadataTooLarge or InvalidStorageClass. */
export function storedHeaders(request: S3Request): StoredHeaders {
  const stored: StoredHeaders = { "content-type": "binary/octet-stream" };
  let metadataBytes = 0;
  for (const [name, value] of Object.entries(request.raw.headers)) {
    if (value === undefined) continue;
    if (name.startsWith("x-amz-meta-")) {
      stored[name] = String(value);
      metadataBytes += name.length - "x-amz-meta-".length + Buffer.byteLength(String(value));
    } else if (KEPT.includes(name)) {
      stored[name] = String(value);
    }
  }
  if (metadataBytes > MAX_METADATA_BYTES) {
    throw new S3Error("MetadataTooLarge", { fields: { Size: metadataBytes, MaxSizeAllowed: MAX_METADATA_BYTES } });
  }
  const encoding = (stored["content-encoding"] ?? "").split(",").map((part) => part.trim());
  const ownEncoding = encoding.filter((part) => part !== "" && part !== "aws-chunked").join(",");
  delete stored["content-encoding"];
  if (ownEncoding !== "") stored["content-encoding"] = ownEncoding;
  const storageClass = headerOf(request, "x-amz-storage-class");
  if (storageClass !== undefined && !STORAGE_CLASSES.test(storageClass)) {
    throw new S3Error("InvalidStorageClass", { fields: { StorageClassRequested: storageClass } });
  }
  if (storageClass !== undefined && storageClass !== "STANDARD") stored["x-amz-storage-class"] = storageClass;
  return stored;
}

/** The tags of an `x-amz-tagging` header; throws InvalidTag. */
export function taggingHeader(request: S3Request): Record<string, string> | undefined {
  const text = headerOf(request, "x-amz-tagging");
  return text === undefined ? undefined : checkTags([...new URLSearchParams(text)]);
}

/** Throws InvalidTag where S3 would refuse them. */
export function checkTags(tags: readonly (readonly [string, string])[]): Record<string, string> {
  const names = new Set(tags.map(([name]) => name));
  if (tags.length > MAX_TAGS) throw new S3Error("InvalidTag", { message: "Object tags cannot be greater than 10" });
  if (names.size !== tags.length) {
    throw new S3Error("InvalidTag", { message: "Cannot provide multiple Tags with the same key" });
  }
  if (tags.some(([name, value]) => name === "" || name.length > 128 || value.length > 256)) {
    throw new S3Error("InvalidTag", { message: "The TagKey or TagValue you have provided is invalid" });
  }
  return Object.fromEntries(tags);
}
