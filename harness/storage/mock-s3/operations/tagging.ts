import { writeDocument, writeFields } from "../../s3/xml";
import type { ObjectVersion } from "../state/types";
import { requireVersion, theBucket, versionHeader, xmlReply } from "./call";
import type { Call, Reply } from "./call";
import { checkTags } from "./object-headers";
import { readXmlBody } from "./xml-body";

const theVersion = (call: Call): ObjectVersion =>
  requireVersion(theBucket(call), call.request.key, call.request.query.get("versionId"));

export function getObjectTagging(call: Call): Reply {
  const version = theVersion(call);
  const tags = Object.entries(version.tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
  const inner = writeFields({ TagSet: { Tag: tags } });
  return xmlReply(writeDocument("Tagging", inner), versionHeader(theBucket(call), version));
}

export async function putObjectTagging(call: Call): Promise<Reply> {
  const root = await readXmlBody(call.body(), "Tagging");
  const tags = root.child("TagSet")?.all("Tag") ?? [];
  return setTags(call, checkTags(tags.map((tag) => [tag.value("Key") ?? "", tag.value("Value") ?? ""])), 200);
}

export const deleteObjectTagging = (call: Call): Reply => setTags(call, undefined, 204);

function setTags(call: Call, tags: Record<string, string> | undefined, status: number): Reply {
  const bucket = theBucket(call);
  const version = theVersion(call);
  const change = { type: "object", bucket: bucket.name, key: call.request.key, inPlace: true } as const;
  call.store.change({ ...change, drop: [version.versionId], add: { ...version, tags } });
  return { status, headers: versionHeader(bucket, version) };
}
