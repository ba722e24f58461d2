import type { XmlFields } from "../../s3/xml";
import { encodeKey } from "../../s3/encoding";
import { S3Error } from "../errors";
import type { S3Request } from "../request";
import type { Bucket } from "../state/bucket";
import { afterPrefix, compareKeys } from "../state/key-order";
import type { ObjectVersion } from "../state/types";
import { xmlTime } from "./call";

export const OWNER = { ID: "neon-test", DisplayName: "neon-test" };

/** What all listings have in common. */
export interface ListTerms {
  prefix: string;
  delimiter: string | undefined;
  maxKeys: number;
  /** How keys are written: percent-encoded when the client asks for it. */
  encode: (text: string) => string;
  encodingType: string | undefined;
}

const MAX_KEYS = 1000;

export function listTerms({ query }: S3Request): ListTerms {
  const encodingType = query.get("encoding-type");
  if (encodingType !== undefined && encodingType !== "url") {
    throw new S3Error("InvalidArgument", { message: "Invalid Encoding Method specified in Request" });
  }
  const delimiter = query.get("delimiter");
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: delimiter === "" ? undefined : delimiter,
    maxKeys: countOf(query.get("max-keys"), "max-keys"),
    encodingType,
    encode: encodingType === undefined ? (text) => text : encodeKey,
  };
}

/** A `max-…` parameter: at most 1000, and that when there is none. */
export function countOf(text: string | undefined, name: string): number {
  if (text === undefined || text === "") return MAX_KEYS;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 2 ** 31 - 1) return Math.min(count, MAX_KEYS);
  const fields = { ArgumentName: name, ArgumentValue: text };
  throw new S3Error("InvalidArgument", {
    message: `Argument ${name} must be an integer between 0 and 2147483647`,
    fields,
  });
}

export type Entry = { prefix: string } | { key: string; versions: readonly ObjectVersion[] };

export const nameOf = (entry: Entry): string => ("prefix" in entry ? entry.prefix : entry.key);

interface WalkOptions {
  terms: ListTerms;
  /** Only what comes after it. */
  marker: string | undefined;
  /** Whether the marker's own key comes again. */
  markerIncluded?: boolean;
  isVisible: (versions: readonly ObjectVersion[]) => boolean;
  asOf: number | undefined;
}

/** Keys and common prefixes in order. It seeks over what a common prefix covers. */
export function* walk(bucket: Bucket, options: WalkOptions): Generator<Entry> {
  const { terms, marker, isVisible } = options;
  const { prefix, delimiter } = terms;
  const entriesFrom = source(bucket, options.asOf);
  const comesAfter = (name: string): boolean =>
    marker === undefined || compareKeys(name, marker) > (options.markerIncluded === true ? -1 : 0);
  let from: string | undefined = marker !== undefined && compareKeys(marker, prefix) > 0 ? marker : prefix;
  while (from !== undefined) {
    let next: string | undefined;
    for (const [key, versions] of entriesFrom(from)) {
      if (!key.startsWith(prefix)) return;
      const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
      if (end !== -1) {
        const common = key.slice(0, end + (delimiter?.length ?? 0));
        const isShown = marker === undefined || compareKeys(common, marker) > 0;
        if (isShown && !isVisible(versions)) continue;
        if (isShown) yield { prefix: common };
        next = afterPrefix(common);
        break;
      }
      if (comesAfter(key) && isVisible(versions)) yield { key, versions };
    }
    from = next;
  }
}

type Entries = (first: string) => Iterable<[string, readonly ObjectVersion[]]>;

/** The bucket as it is, or as it was at `asOf`. */
function source(bucket: Bucket, asOf: number | undefined): Entries {
  const before = asOf === undefined ? undefined : bucket.changedSince(asOf);
  if (before === undefined || before.size === 0) return (first) => bucket.entries(first);
  const then = new Map([...bucket.entries(""), ...before].filter(([, versions]) => versions.length > 0));
  for (const [key, versions] of before) if (versions.length === 0) then.delete(key);
  const sorted = [...then].sort(([a], [b]) => compareKeys(a, b));
  return (first) => sorted.filter(([key]) => compareKeys(key, first) >= 0);
}

/** Takes entries until there are enough; says whether there are more. */
export function page<T>(entries: Iterable<T>, limit: number): { taken: T[]; isTruncated: boolean } {
  const taken: T[] = [];
  if (limit === 0) return { taken, isTruncated: false };
  for (const entry of entries) {
    if (taken.length === limit) return { taken, isTruncated: true };
    taken.push(entry);
  }
  return { taken, isTruncated: false };
}

/** What a listing says of an object. */
export function objectFields(version: ObjectVersion): XmlFields {
  return {
    LastModified: xmlTime(version.lastModified),
    ETag: version.etag,
    ChecksumAlgorithm: version.checksum?.name.toUpperCase(),
    ChecksumType: version.checksum?.type,
    Size: version.size,
    StorageClass: version.headers["x-amz-storage-class"] ?? "STANDARD",
  };
}
