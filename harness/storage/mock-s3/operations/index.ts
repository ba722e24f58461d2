import type { S3Operation } from "../operation-names";
import * as buckets from "./buckets";
import type { Handler } from "./call";
import { deleteObjects } from "./delete-objects";
import { listObjects, listObjectsV2 } from "./list-objects";
import { listMultipartUploads, listParts } from "./list-uploads";
import { listObjectVersions } from "./list-versions";
import * as multipart from "./multipart";
import { getObject } from "./read-object";
import * as tagging from "./tagging";
import { copyObject, deleteObject, putObject } from "./write-object";

/** What the server does for each operation. */
export const HANDLERS: Record<S3Operation, Handler> = {
  ListBuckets: buckets.listBuckets,
  CreateBucket: buckets.createBucket,
  HeadBucket: buckets.headBucket,
  DeleteBucket: buckets.deleteBucket,
  GetBucketLocation: buckets.getBucketLocation,
  GetBucketVersioning: buckets.getBucketVersioning,
  PutBucketVersioning: buckets.putBucketVersioning,
  DeleteObjects: deleteObjects,
  ListObjectVersions: listObjectVersions,
  ListMultipartUploads: listMultipartUploads,
  ListObjectsV2: listObjectsV2,
  ListObjects: listObjects,
  CreateMultipartUpload: multipart.createMultipartUpload,
  CompleteMultipartUpload: multipart.completeMultipartUpload,
  UploadPart: multipart.uploadPart,
  UploadPartCopy: multipart.uploadPartCopy,
  AbortMultipartUpload: multipart.abortMultipartUpload,
  ListParts: listParts,
  PutObjectTagging: tagging.putObjectTagging,
  GetObjectTagging: tagging.getObjectTagging,
  DeleteObjectTagging: tagging.deleteObjectTagging,
  CopyObject: copyObject,
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: getObject,
  DeleteObject: deleteObject,
};
