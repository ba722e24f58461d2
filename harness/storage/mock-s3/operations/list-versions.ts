import { writeDocument, writeFields } from "../../s3/xml";
import { S3Error } from "../errors";
import type { Bucket } from "../state/bucket";
import type { ObjectVersion } from "../state/types";
import { theBucket, xmlReply, xmlTime } from "./call";
import type { Call, Reply } from "./call";
import { listTerms, objectFields, OWNER, page, walk } from "./list-entries";
import type { ListTerms } from "./list-entries";

type Item = { prefix: string } | { key: string; version: ObjectVersion; isLatest: boolean };

interface Markers {
  key: string | undefined;
  versionId: string | undefined;
}

/** Every version and delete marker, by key, newest first, from behind the markers on. */
function* items(bucket: Bucket, terms: ListTerms, markers: Markers, asOf: number | undefined): Generator<Item> {
  const options = { terms, marker: markers.key, markerIncluded: markers.versionId !== undefined, asOf };
  for (const entry of walk(bucket, { ...options, isVisible: () => true })) {
    if ("prefix" in entry) {
      yield entry;
      continue;
    }
    const { key, versions } = entry;
    const isMarker = key === markers.key && markers.versionId !== undefined;
    const first = isMarker ? versions.findIndex(({ versionId }) => versionId === markers.versionId) + 1 : 0;
    for (const version of versions.slice(first)) yield { key, version, isLatest: version === versions[0] };
  }
}

function itemElement(item: Item, terms: ListTerms): string {
  if ("prefix" in item) return writeFields({ CommonPrefixes: { Prefix: terms.encode(item.prefix) } });
  const { key, version, isLatest } = item;
  const fields = { Key: terms.encode(key), VersionId: version.versionId, IsLatest: isLatest };
  if (version.isDeleteMarker) {
    return writeFields({ DeleteMarker: { ...fields, LastModified: xmlTime(version.lastModified), Owner: OWNER } });
  }
  return writeFields({ Version: { ...fields, ...objectFields(version), Owner: OWNER } });
}

export function listObjectVersions(call: Call): Reply {
  const { query } = call.request;
  const bucket = theBucket(call);
  const terms = listTerms(call.request);
  const keyMarker = query.get("key-marker");
  const versionMarker = query.get("version-id-marker");
  if (versionMarker !== undefined && versionMarker !== "" && !keyMarker) {
    const message = "A version-id marker cannot be specified without a key marker.";
    throw new S3Error("InvalidArgument", { message });
  }
  const markers = { key: keyMarker || undefined, versionId: versionMarker || undefined };
  const { taken, isTruncated } = page(items(bucket, terms, markers, call.listAsOf), terms.maxKeys);
  const last = isTruncated ? taken.at(-1) : undefined;
  const inner = writeFields({
    Name: bucket.name,
    Prefix: terms.encode(terms.prefix),
    KeyMarker: terms.encode(keyMarker ?? ""),
    VersionIdMarker: versionMarker ?? "",
    NextKeyMarker: last === undefined ? undefined : terms.encode("prefix" in last ? last.prefix : last.key),
    NextVersionIdMarker: last === undefined || "prefix" in last ? undefined : last.version.versionId,
    MaxKeys: terms.maxKeys,
    Delimiter: terms.delimiter === undefined ? undefined : terms.encode(terms.delimiter),
    EncodingType: terms.encodingType,
    IsTruncated: isTruncated,
  });
  const elements = taken.map((item) => itemElement(item, terms)).join("");
  return xmlReply(writeDocument("ListVersionsResult", inner + elements));
}
