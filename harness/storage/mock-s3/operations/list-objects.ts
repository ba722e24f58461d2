import { writeDocument, writeFields } from "../../s3/xml";
import { S3Error } from "../errors";
import type { ObjectVersion } from "../state/types";
import { theBucket, xmlReply } from "./call";
import type { Call, Reply } from "./call";
import { listTerms, nameOf, objectFields, OWNER, page, walk } from "./list-entries";
import type { Entry, ListTerms } from "./list-entries";

const isThere = ([latest]: readonly ObjectVersion[]): boolean => latest !== undefined && !latest.isDeleteMarker;

function take(call: Call, terms: ListTerms, marker: string | undefined): { taken: Entry[]; isTruncated: boolean } {
  const entries = walk(theBucket(call), { terms, marker, isVisible: isThere, asOf: call.listAsOf });
  return page(entries, terms.maxKeys);
}

/** The elements of a page: keys first, then common prefixes, each in order. */
function entryElements(taken: readonly Entry[], { encode }: ListTerms, withOwner: boolean): string {
  let keys = "";
  let prefixes = "";
  for (const entry of taken) {
    if ("prefix" in entry) {
      prefixes += writeFields({ CommonPrefixes: { Prefix: encode(entry.prefix) } });
      continue;
    }
    const [latest] = entry.versions;
    if (latest === undefined) continue;
    const owner = withOwner ? { Owner: OWNER } : {};
    keys += writeFields({ Contents: { Key: encode(entry.key), ...objectFields(latest), ...owner } });
  }
  return keys + prefixes;
}

const encoded = (terms: ListTerms, text: string | undefined): string | undefined =>
  text === undefined ? undefined : terms.encode(text);

export function listObjectsV2(call: Call): Reply {
  const { query } = call.request;
  const bucket = theBucket(call);
  const terms = listTerms(call.request);
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const { taken, isTruncated } = take(call, terms, token === undefined ? startAfter : decodeToken(token));
  const last = taken.at(-1);
  const inner = writeFields({
    Name: bucket.name,
    Prefix: terms.encode(terms.prefix),
    StartAfter: encoded(terms, startAfter),
    ContinuationToken: token,
    NextContinuationToken: isTruncated && last !== undefined ? encodeToken(nameOf(last)) : undefined,
    KeyCount: taken.length,
    MaxKeys: terms.maxKeys,
    Delimiter: encoded(terms, terms.delimiter),
    EncodingType: terms.encodingType,
    IsTruncated: isTruncated,
  });
  const entries = entryElements(taken, terms, query.get("fetch-owner") === "true");
  return xmlReply(writeDocument("ListBucketResult", inner + entries));
}

export function listObjects(call: Call): Reply {
  const { query } = call.request;
  const bucket = theBucket(call);
  const terms = listTerms(call.request);
  const marker = query.get("marker");
  const { taken, isTruncated } = take(call, terms, marker === "" ? undefined : marker);
  const last = taken.at(-1);
  const inner = writeFields({
    Name: bucket.name,
    Prefix: terms.encode(terms.prefix),
    Marker: terms.encode(marker ?? ""),
    // Without a delimiter the last key says where to go on.
    NextMarker:
      isTruncated && last !== undefined && terms.delimiter !== undefined ? terms.encode(nameOf(last)) : undefined,
    MaxKeys: terms.maxKeys,
    Delimiter: encoded(terms, terms.delimiter),
    EncodingType: terms.encodingType,
    IsTruncated: isTruncated,
  });
  return xmlReply(writeDocument("ListBucketResult", inner + entryElements(taken, terms, true)));
}

const TOKEN_MARK = "1";

const encodeToken = (name: string): string => Buffer.from(TOKEN_MARK + name).toString("base64url");

function decodeToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString("utf8");
  if (text.startsWith(TOKEN_MARK)) return text.slice(TOKEN_MARK.length);
  const fields = { ArgumentName: "continuation-token" };
  throw new S3Error("InvalidArgument", { message: "The continuation token provided is incorrect", fields });
}
