import { S3Error } from "../errors";
import type { S3Request } from "../request";
import type { Bucket } from "../state/bucket";
import type { ObjectVersion } from "../state/types";
import { headerOf, httpTime, requireVersion, theBucket, versionHeader } from "./call";
import type { Call, Reply } from "./call";
import { checkReadConditions } from "./conditions";
import { parseRange, partRange } from "./ranges";
import type { ByteRange } from "./ranges";

/** `response-content-type=…` in the query replaces what was stored. */
const OVERRIDES = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

function overrides({ query }: S3Request): Record<string, string> {
  const given = OVERRIDES.map((name): [string, string | undefined] => [name, query.get(`response-${name}`)]);
  return Object.fromEntries(given.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function describe(bucket: Bucket, version: ObjectVersion): Record<string, string> {
  const tags = Object.keys(version.tags ?? {}).length;
  return {
    ...version.headers,
    ...versionHeader(bucket, version),
    etag: version.etag,
    "last-modified": httpTime(version.lastModified),
    "accept-ranges": "bytes",
    ...(tags > 0 ? { "x-amz-tagging-count": String(tags) } : {}),
  };
}

function askedRange(request: S3Request, version: ObjectVersion): ByteRange | undefined {
  const number = request.query.get("partNumber");
  const header = headerOf(request, "range");
  if (number === undefined) return parseRange(header, version.size);
  if (header !== undefined) {
    const message = "Cannot specify both Range header and partNumber query parameter";
    throw new S3Error("InvalidRequest", { message });
  }
  if (!/^\d+$/.test(number) || Number(number) < 1 || Number(number) > 10_000) {
    const message = "Part number must be an integer between 1 and 10000, inclusive";
    throw new S3Error("InvalidArgument", { message, fields: { ArgumentName: "partNumber", ArgumentValue: number } });
  }
  return partRange(version, Number(number));
}

function checksumHeaders(request: S3Request, version: ObjectVersion, isWhole: boolean): Record<string, string> {
  const { checksum } = version;
  const wanted = headerOf(request, "x-amz-checksum-mode")?.toUpperCase() === "ENABLED";
  if (!wanted || !isWhole || checksum === undefined) return {};
  return { [`x-amz-checksum-${checksum.name}`]: checksum.value, "x-amz-checksum-type": checksum.type };
}

/** GetObject and HeadObject: the server leaves the body of the latter out. */
export function getObject(call: Call): Reply {
  const { request } = call;
  const bucket = theBucket(call);
  const version = requireVersion(bucket, request.key, request.query.get("versionId"));
  const headers = describe(bucket, version);
  if (!checkReadConditions(request, version)) {
    const { etag = "", "last-modified": modified = "" } = headers;
    return { status: 304, headers: { etag, "last-modified": modified, ...versionHeader(bucket, version) } };
  }
  const range = askedRange(request, version);
  const { start, end } = range ?? { start: 0, end: version.size };
  const parts = request.query.has("partNumber") ? version.partSizes : undefined;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      ...overrides(request),
      ...checksumHeaders(request, version, range === undefined),
      "content-length": String(end - start),
      ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${version.size}` }),
      ...(parts === undefined ? {} : { "x-amz-mp-parts-count": String(parts.length) }),
    },
    body: { segments: version.segments, start, end },
  };
}
