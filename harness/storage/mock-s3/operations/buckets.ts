import { writeDocument, writeFields } from "../../s3/xml";
import { S3Error } from "../errors";
import { theBucket, xmlReply, xmlTime } from "./call";
import type { Call, Reply } from "./call";
import { OWNER } from "./list-entries";
import { readXmlBody } from "./xml-body";

const NAME = /^(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export function listBuckets({ store }: Call): Reply {
  const buckets = store.buckets.map(({ name, created }) => ({ Name: name, CreationDate: xmlTime(created) }));
  const inner = writeFields({ Owner: OWNER, Buckets: { Bucket: buckets } });
  return xmlReply(writeDocument("ListAllMyBucketsResult", inner));
}

export async function createBucket(call: Call): Promise<Reply> {
  const { store, request, now } = call;
  const body = call.body();
  const root = body.announced === 0 ? undefined : await readXmlBody(body, "CreateBucketConfiguration");
  const region = root?.value("LocationConstraint") ?? call.region;
  if (!NAME.test(request.bucket)) throw new S3Error("InvalidBucketName", { fields: { BucketName: request.bucket } });
  const existing = store.findBucket(request.bucket);
  if (existing !== undefined && existing.region !== "us-east-1") {
    throw new S3Error("BucketAlreadyOwnedByYou", { fields: { BucketName: request.bucket } });
  }
  if (existing === undefined) store.change({ type: "bucket", bucket: request.bucket, region, at: now });
  return { status: 200, headers: { location: `/${request.bucket}` } };
}

export function headBucket(call: Call): Reply {
  return { status: 200, headers: { "x-amz-bucket-region": theBucket(call).region } };
}

export function deleteBucket(call: Call): Reply {
  const bucket = theBucket(call);
  if (!bucket.isEmpty) throw new S3Error("BucketNotEmpty", { fields: { BucketName: bucket.name } });
  call.store.change({ type: "bucket-gone", bucket: bucket.name });
  return { status: 204, headers: {} };
}

export function getBucketLocation(call: Call): Reply {
  const { region } = theBucket(call);
  return xmlReply(writeDocument("LocationConstraint", region === "us-east-1" ? "" : region));
}

export function getBucketVersioning(call: Call): Reply {
  const inner = writeFields({ Status: theBucket(call).versioning });
  return xmlReply(writeDocument("VersioningConfiguration", inner));
}

export async function putBucketVersioning(call: Call): Promise<Reply> {
  const bucket = theBucket(call);
  const root = await readXmlBody(call.body(), "VersioningConfiguration");
  const status = root.value("Status");
  if (status !== "Enabled" && status !== "Suspended") {
    throw new S3Error(status === undefined ? "IllegalVersioningConfigurationException" : "MalformedXML");
  }
  call.store.change({ type: "versioning", bucket: bucket.name, versioning: status });
  return { status: 200, headers: {} };
}
