import { writeDocument, writeFields } from "../../s3/xml";
import { S3Error } from "../errors";
import { headerOf, theBucket, xmlReply } from "./call";
import type { Call, Reply } from "./call";
import { deleteKey } from "./write-object";
import { readXmlBody } from "./xml-body";

const MAX_KEYS = 1000;

/** DeleteObjects: up to 1000 keys; with `Quiet` the answer names only what failed. */
export async function deleteObjects(call: Call): Promise<Reply> {
  const { request, store } = call;
  const bucket = theBucket(call);
  const hasDigest =
    headerOf(request, "content-md5") !== undefined ||
    headerOf(request, "x-amz-trailer") !== undefined ||
    Object.keys(request.raw.headers).some((name) => name.startsWith("x-amz-checksum-"));
  if (!hasDigest) {
    const message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
    throw new S3Error("InvalidRequest", { message });
  }
  const root = await readXmlBody(call.body(), "Delete");
  const objects = root
    .all("Object")
    .map((object) => ({ key: object.value("Key"), versionId: object.value("VersionId") }));
  const isValid = objects.length > 0 && objects.length <= MAX_KEYS && objects.every(({ key }) => key !== undefined);
  if (!isValid) throw new S3Error("MalformedXML");
  const isQuiet = root.value("Quiet") === "true";
  let elements = "";
  for (const { key = "", versionId } of objects) {
    const deleted = deleteKey(store, bucket, key, versionId);
    if (isQuiet) continue;
    const marker = deleted.isDeleteMarker ? { DeleteMarker: true, DeleteMarkerVersionId: deleted.versionId } : {};
    elements += writeFields({ Deleted: { Key: key, VersionId: versionId, ...marker } });
  }
  return xmlReply(writeDocument("DeleteResult", elements));
}
