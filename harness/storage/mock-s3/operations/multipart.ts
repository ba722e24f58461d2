import { createHash, randomBytes } from "node:crypto";
import { writeDocument, writeFields } from "../../s3/xml";
import { CHECKSUMS, startChecksum } from "../checksums";
import { S3Error } from "../errors";
import type { Bucket } from "../state/bucket";
import { requireUpload } from "../state/store";
import type { StoredChecksum, Upload, UploadedPart } from "../state/types";
import { headerOf, theBucket, versionHeader, xmlReply, xmlTime } from "./call";
import type { Call, Reply } from "./call";
import { checkWriteConditions } from "./conditions";
import { copySource } from "./copy-source";
import { storedHeaders, taggingHeader } from "./object-headers";
import { parseRange } from "./ranges";
import { sliceSegments } from "./segments";
import { checksumHeader, keepBody } from "./write-object";
import { readXmlBody } from "./xml-body";

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;

function theUpload(call: Call, bucket: Bucket): Upload {
  const upload = requireUpload(bucket, call.request.query.get("uploadId") ?? "");
  if (upload.key !== call.request.key) throw new S3Error("NoSuchUpload", { fields: { UploadId: upload.id } });
  return upload;
}

function partNumber({ request }: Call): number {
  const text = request.query.get("partNumber") ?? "";
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= MAX_PARTS) return number;
  const message = "Part number must be an integer between 1 and 10000, inclusive";
  throw new S3Error("InvalidArgument", { message, fields: { ArgumentName: "partNumber", ArgumentValue: text } });
}

export function createMultipartUpload(call: Call): Reply {
  const { request, store, now } = call;
  const bucket = theBucket(call);
  const checksumName = headerOf(request, "x-amz-checksum-algorithm")?.toLowerCase();
  if (checksumName !== undefined && !CHECKSUMS.some((name) => name === checksumName)) {
    throw new S3Error("InvalidRequest", { message: "Checksum algorithm provided is unsupported." });
  }
  const id = randomBytes(32).toString("base64url");
  const described = { headers: storedHeaders(request), tags: taggingHeader(request), checksumName };
  store.change({ type: "upload", bucket: bucket.name, upload: { id, key: request.key, initiated: now, ...described } });
  const inner = writeFields({ Bucket: bucket.name, Key: request.key, UploadId: id });
  return xmlReply(writeDocument("InitiateMultipartUploadResult", inner));
}

export async function uploadPart(call: Call): Promise<Reply> {
  const bucket = theBucket(call);
  const upload = theUpload(call, bucket);
  const number = partNumber(call);
  return keepBody(call.store, call.body(), ({ md5, size, checksum }, segments) => {
    const part = { number, etag: `"${md5}"`, size, lastModified: call.now, segments, checksum };
    // Throws NoSuchUpload when it was aborted while the body came.
    call.store.change({ type: "part", bucket: bucket.name, uploadId: upload.id, part });
    return { status: 200, headers: { etag: part.etag, ...checksumHeader(checksum) } };
  });
}

/** The part's tag is not that of its bytes, which nobody reads: S3 promises only that it is one. */
export function uploadPartCopy(call: Call): Reply {
  const bucket = theBucket(call);
  const upload = theUpload(call, bucket);
  const number = partNumber(call);
  const { version } = copySource(call);
  const header = headerOf(call.request, "x-amz-copy-source-range");
  const range = parseRange(header, version.size) ?? { start: 0, end: version.size };
  const segments = sliceSegments(version.segments, range);
  const etag = `"${createHash("md5").update(`${version.etag}${range.start}-${range.end}`).digest("hex")}"`;
  const part = { number, etag, size: range.end - range.start, lastModified: call.now, segments };
  call.store.change({ type: "part", bucket: bucket.name, uploadId: upload.id, part });
  const inner = writeFields({ LastModified: xmlTime(part.lastModified), ETag: etag });
  return xmlReply(writeDocument("CopyPartResult", inner));
}

export async function completeMultipartUpload(call: Call): Promise<Reply> {
  const { request, store } = call;
  const bucket = theBucket(call);
  theUpload(call, bucket);
  const root = await readXmlBody(call.body(), "CompleteMultipartUpload");
  const upload = theUpload(call, bucket);
  const named = root.all("Part").map((part) => ({
    number: Number(part.value("PartNumber")),
    etag: (part.value("ETag") ?? "").replaceAll('"', ""),
  }));
  const parts = chooseParts(upload, named);
  checkWriteConditions(request, bucket);
  const digests = parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ""), "hex"));
  const etag = `"${createHash("md5").update(Buffer.concat(digests)).digest("hex")}-${parts.length}"`;
  const version = store.put(bucket, upload.key, {
    ...{ isDeleteMarker: false, etag, headers: upload.headers, tags: upload.tags },
    size: parts.reduce((sum, { size }) => sum + size, 0),
    segments: parts.flatMap(({ segments }) => segments),
    partSizes: parts.map(({ size }) => size),
    checksum: compositeChecksum(parts),
  });
  store.change({ type: "upload-gone", bucket: bucket.name, uploadId: upload.id });
  const location = `http://${request.raw.headers.host ?? "localhost"}/${bucket.name}/${upload.key}`;
  const inner = writeFields({ Location: location, Bucket: bucket.name, Key: upload.key, ETag: etag });
  return xmlReply(writeDocument("CompleteMultipartUploadResult", inner), versionHeader(bucket, version));
}

/** The parts that the client names, in order; throws MalformedXML, InvalidPartOrder, InvalidPart or EntityTooSmall. */
function chooseParts(upload: Upload, named: readonly { number: number; etag: string }[]): UploadedPart[] {
  if (named.length === 0) throw new S3Error("MalformedXML");
  const isOrdered = named.every(({ number }, index) => index === 0 || number > (named[index - 1]?.number ?? 0));
  if (!isOrdered) throw new S3Error("InvalidPartOrder");
  const parts = named.map(({ number, etag }) => {
    const part = upload.parts.get(number);
    if (part !== undefined && part.etag === `"${etag}"`) return part;
    throw new S3Error("InvalidPart", { fields: { UploadId: upload.id, PartNumber: number, ETag: etag } });
  });
  const small = parts.slice(0, -1).find(({ size }) => size < MIN_PART_BYTES);
  if (small === undefined) return parts;
  const fields = {
    ETag: small.etag,
    ProposedSize: small.size,
    MinSizeAllowed: MIN_PART_BYTES,
    PartNumber: small.number,
  };
  throw new S3Error("EntityTooSmall", { fields });
}

/** The checksum of the parts' checksums, where every part has one of the same kind. */
function compositeChecksum(parts: readonly UploadedPart[]): StoredChecksum | undefined {
  const name = CHECKSUMS.find((each) => each === parts[0]?.checksum?.name);
  if (name === undefined || !parts.every(({ checksum }) => checksum?.name === name)) return undefined;
  const running = startChecksum(name);
  for (const { checksum } of parts) running.update(Buffer.from(checksum?.value ?? "", "base64"));
  return { name, value: `${running.digest()}-${parts.length}`, type: "COMPOSITE" };
}

export function abortMultipartUpload(call: Call): Reply {
  const bucket = theBucket(call);
  const upload = theUpload(call, bucket);
  call.store.change({ type: "upload-gone", bucket: bucket.name, uploadId: upload.id });
  return { status: 204, headers: {} };
}
