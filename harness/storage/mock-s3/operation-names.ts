import type { IncomingHttpHeaders } from "node:http";
import { S3Error } from "./errors";

type Place = "service" | "bucket" | "object";

interface Row {
  place: Place;
  method: string;
  /** A query parameter that must be there; with it goes this row, without it the one that names none. */
  query?: string;
  header?: string;
}

/** Every operation that the server knows, and what a request for it looks like; the first row that fits counts. */
const OPERATIONS = {
  ListBuckets: { place: "service", method: "GET" },
  PutBucketVersioning: { place: "bucket", method: "PUT", query: "versioning" },
  CreateBucket: { place: "bucket", method: "PUT" },
  HeadBucket: { place: "bucket", method: "HEAD" },
  DeleteBucket: { place: "bucket", method: "DELETE" },
  DeleteObjects: { place: "bucket", method: "POST", query: "delete" },
  GetBucketVersioning: { place: "bucket", method: "GET", query: "versioning" },
  GetBucketLocation: { place: "bucket", method: "GET", query: "location" },
  ListObjectVersions: { place: "bucket", method: "GET", query: "versions" },
  ListMultipartUploads: { place: "bucket", method: "GET", query: "uploads" },
  ListObjectsV2: { place: "bucket", method: "GET", query: "list-type" },
  ListObjects: { place: "bucket", method: "GET" },
  CreateMultipartUpload: { place: "object", method: "POST", query: "uploads" },
  CompleteMultipartUpload: { place: "object", method: "POST", query: "uploadId" },
  UploadPartCopy: { place: "object", method: "PUT", query: "uploadId", header: "x-amz-copy-source" },
  UploadPart: { place: "object", method: "PUT", query: "uploadId" },
  AbortMultipartUpload: { place: "object", method: "DELETE", query: "uploadId" },
  ListParts: { place: "object", method: "GET", query: "uploadId" },
  PutObjectTagging: { place: "object", method: "PUT", query: "tagging" },
  GetObjectTagging: { place: "object", method: "GET", query: "tagging" },
  DeleteObjectTagging: { place: "object", method: "DELETE", query: "tagging" },
  CopyObject: { place: "object", method: "PUT", header: "x-amz-copy-source" },
  PutObject: { place: "object", method: "PUT" },
  GetObject: { place: "object", method: "GET" },
  HeadObject: { place: "object", method: "HEAD" },
  DeleteObject: { place: "object", method: "DELETE" },
} as const satisfies Record<string, Row>;

export type S3Operation = keyof typeof OPERATIONS;

const ROWS = Object.entries(OPERATIONS) as [S3Operation, Row][];

export const S3_OPERATIONS = Object.keys(OPERATIONS) as S3Operation[];

/** Sub-resources of S3 that this server does not have: without this list they would look like plain requests. */
const UNKNOWN_SUBRESOURCES =
  /^(acl|cors|policy|policyStatus|lifecycle|encryption|replication|notification|website|logging|accelerate|requestPayment|analytics|inventory|metrics|intelligent-tiering|object-lock|ownershipControls|publicAccessBlock|retention|legal-hold|torrent|restore|select|attributes|renameObject|session)$/;

interface RequestShape {
  method: string;
  bucket: string;
  key: string;
  query: ReadonlyMap<string, string>;
  headers: IncomingHttpHeaders;
}

/** Which operation a request is for; throws NotImplemented or MethodNotAllowed. */
export function operationOf({ method, bucket, key, query, headers }: RequestShape): S3Operation {
  const place: Place = bucket === "" ? "service" : key === "" ? "bucket" : "object";
  const unknown = [...query.keys()].find((name) => UNKNOWN_SUBRESOURCES.test(name));
  if (unknown !== undefined) {
    const message = `The sub-resource ?${unknown} is not implemented by this server`;
    throw new S3Error("NotImplemented", { message, fields: { Header: unknown } });
  }
  const bucketTagging = place === "bucket" && query.has("tagging");
  const fits = ({ place: at, method: by, query: parameter, header }: Row): boolean =>
    at === place &&
    by === method &&
    (parameter === undefined || query.has(parameter)) &&
    (header === undefined || headers[header] !== undefined);
  const found = bucketTagging ? undefined : ROWS.find(([, row]) => fits(row));
  if (found !== undefined) return found[0];
  throw new S3Error("MethodNotAllowed", { fields: { Method: method, ResourceType: place.toUpperCase() } });
}
