import { writeDocument, writeFields } from "../../s3/xml";
import { S3Error } from "../errors";
import { requireUpload } from "../state/store";
import { compareKeys } from "../state/key-order";
import type { Upload } from "../state/types";
import { theBucket, xmlReply, xmlTime } from "./call";
import type { Call, Reply } from "./call";
import { countOf, listTerms, OWNER, page } from "./list-entries";

const inOrder = (a: Upload, b: Upload): number =>
  compareKeys(a.key, b.key) || a.initiated - b.initiated || compareKeys(a.id, b.id);

type Item = { prefix: string } | Upload;

/** Uploads and common prefixes, in order, from behind the markers on. */
function items(uploads: readonly Upload[], prefix: string, delimiter: string | undefined): Item[] {
  const found = new Map<string, Item>();
  for (const upload of uploads.filter(({ key }) => key.startsWith(prefix)).sort(inOrder)) {
    const end = delimiter === undefined ? -1 : upload.key.indexOf(delimiter, prefix.length);
    if (end === -1) found.set(upload.id, upload);
    else {
      const common = upload.key.slice(0, end + (delimiter?.length ?? 0));
      found.set(`/${common}`, { prefix: common });
    }
  }
  return [...found.values()];
}

export function listMultipartUploads(call: Call): Reply {
  const { query } = call.request;
  const bucket = theBucket(call);
  const { prefix, delimiter, encode, encodingType } = listTerms(call.request);
  const [keyMarker, uploadMarker] = [query.get("key-marker") ?? "", query.get("upload-id-marker") ?? ""];
  const marker = bucket.uploads.get(uploadMarker);
  const isAfter = (item: Item): boolean => {
    if (keyMarker === "") return true;
    const name = "prefix" in item ? item.prefix : item.key;
    const order = compareKeys(name, keyMarker);
    if (order !== 0 || "prefix" in item || marker === undefined) return order > 0;
    return inOrder(item, marker) > 0;
  };
  const maxUploads = countOf(query.get("max-uploads"), "max-uploads");
  const all = items([...bucket.uploads.values()], prefix, delimiter).filter(isAfter);
  const { taken, isTruncated } = page(all, maxUploads);
  const last = isTruncated ? taken.at(-1) : undefined;
  const inner = writeFields({
    Bucket: bucket.name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: uploadMarker,
    NextKeyMarker: last === undefined ? undefined : encode("prefix" in last ? last.prefix : last.key),
    NextUploadIdMarker: last === undefined || "prefix" in last ? undefined : last.id,
    Prefix: encode(prefix),
    Delimiter: delimiter === undefined ? undefined : encode(delimiter),
    EncodingType: encodingType,
    MaxUploads: maxUploads,
    IsTruncated: isTruncated,
  });
  const elements = taken.map((item) =>
    "prefix" in item
      ? writeFields({ CommonPrefixes: { Prefix: encode(item.prefix) } })
      : writeFields({
          Upload: {
            Key: encode(item.key),
            UploadId: item.id,
            Initiator: OWNER,
            Owner: OWNER,
            StorageClass: item.headers["x-amz-storage-class"] ?? "STANDARD",
            Initiated: xmlTime(item.initiated),
          },
        }),
  );
  return xmlReply(writeDocument("ListMultipartUploadsResult", inner + elements.join("")));
}

export function listParts(call: Call): Reply {
  const { query } = call.request;
  const bucket = theBucket(call);
  const upload = requireUpload(bucket, query.get("uploadId") ?? "");
  if (upload.key !== call.request.key) throw new S3Error("NoSuchUpload", { fields: { UploadId: upload.id } });
  const after = Number(query.get("part-number-marker") ?? "0");
  const maxParts = countOf(query.get("max-parts"), "max-parts");
  const sorted = [...upload.parts.values()].sort((a, b) => a.number - b.number);
  const rest = sorted.filter(({ number }) => number > after);
  const { taken, isTruncated } = page(rest, maxParts);
  const inner = writeFields({
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    Initiator: OWNER,
    Owner: OWNER,
    StorageClass: upload.headers["x-amz-storage-class"] ?? "STANDARD",
    PartNumberMarker: after,
    NextPartNumberMarker: taken.at(-1)?.number ?? 0,
    MaxParts: maxParts,
    IsTruncated: isTruncated,
    Part: taken.map(({ number, etag, size, lastModified }) => ({
      PartNumber: number,
      LastModified: xmlTime(lastModified),
      ETag: etag,
      Size: size,
    })),
  });
  return xmlReply(writeDocument("ListPartsResult", inner));
}
