import { S3Error } from "../errors";
import type { Bucket } from "../state/bucket";
import type { ObjectVersion } from "../state/types";
import { headerOf, requireVersion } from "./call";
import type { Call } from "./call";
import { checkReadConditions } from "./conditions";

export interface CopySource {
  bucket: Bucket;
  key: string;
  version: ObjectVersion;
  askedVersion: string | undefined;
}

/** What `x-amz-copy-source` (`bucket/key[?versionId=…]`, encoded) names; throws what S3 answers when it can't be. */
export function copySource({ store, request }: Call): CopySource {
  const header = headerOf(request, "x-amz-copy-source") ?? "";
  const [place = "", query] = header.replace(/^\//, "").split("?versionId=", 2);
  const path = decode(place);
  const slash = path.indexOf("/");
  const [bucketName, key] = [path.slice(0, slash), path.slice(slash + 1)];
  if (slash < 1 || key === "") {
    const message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
    throw new S3Error("InvalidArgument", {
      message,
      fields: { ArgumentName: "x-amz-copy-source", ArgumentValue: header },
    });
  }
  const bucket = store.bucket(bucketName);
  const askedVersion = query === undefined ? undefined : decode(query);
  const version = sourceVersion(bucket, key, askedVersion);
  if (!checkReadConditions(request, version, "x-amz-copy-source-")) {
    throw new S3Error("PreconditionFailed", { fields: { Condition: "x-amz-copy-source-If-None-Match" } });
  }
  return { bucket, key, version, askedVersion };
}

function sourceVersion(bucket: Bucket, key: string, askedVersion: string | undefined): ObjectVersion {
  const asked = bucket.versions(key).find(({ versionId }) => versionId === askedVersion);
  if (asked?.isDeleteMarker !== true) return requireVersion(bucket, key, askedVersion);
  const message = "The source of a copy request may not specifically refer to a delete marker by version id.";
  throw new S3Error("InvalidRequest", { message });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
