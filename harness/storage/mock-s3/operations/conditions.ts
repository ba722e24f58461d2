import { S3Error } from "../errors";
import type { S3Request } from "../request";
import type { Bucket } from "../state/bucket";
import type { ObjectVersion } from "../state/types";
import { headerOf } from "./call";

function matches(header: string, etag: string): boolean {
  const bare = (text: string): string =>
    text
      .trim()
      .replace(/^W\//, "")
      .replace(/^"(.*)"$/, "$1");
  return header.split(",").some((each) => each.trim() === "*" || bare(each) === bare(etag));
}

const failed = (condition: string): S3Error => new S3Error("PreconditionFailed", { fields: { Condition: condition } });

/** Seconds: that is how precise HTTP dates are. */
function secondsOf(header: string | undefined): number | undefined {
  const time = Date.parse(header ?? "");
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}

/**
 * The conditions of a read, with the precedence of RFC 9110: false when the client has this version already (304);
 * throws PreconditionFailed. Copies have the same four under other names.
 */
export function checkReadConditions(request: S3Request, version: ObjectVersion, prefix = ""): boolean {
  const given = (name: string): string | undefined => headerOf(request, `${prefix}${name}`);
  const modified = Math.floor(version.lastModified / 1000);
  const ifMatch = given("if-match");
  const unmodifiedSince = secondsOf(given("if-unmodified-since"));
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, version.etag)) throw failed("If-Match");
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) {
    throw failed("If-Unmodified-Since");
  }
  const ifNoneMatch = given("if-none-match");
  const modifiedSince = secondsOf(given("if-modified-since"));
  if (ifNoneMatch !== undefined) return !matches(ifNoneMatch, version.etag);
  return modifiedSince === undefined || modified > modifiedSince;
}

/** The conditions of a write; throws PreconditionFailed, NoSuchKey (If-Match of what isn't there) or NotImplemented. */
export function checkWriteConditions(request: S3Request, bucket: Bucket): void {
  const [ifMatch, ifNoneMatch] = [headerOf(request, "if-match"), headerOf(request, "if-none-match")];
  const latest = bucket.latest(request.key);
  const present = latest?.isDeleteMarker === false ? latest : undefined;
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== "*") throw new S3Error("NotImplemented", { fields: { Header: "If-None-Match" } });
    if (present !== undefined) throw failed("If-None-Match");
  }
  if (ifMatch === undefined) return;
  if (present === undefined) throw new S3Error("NoSuchKey", { fields: { Key: request.key } });
  if (!matches(ifMatch, present.etag)) throw failed("If-Match");
}
