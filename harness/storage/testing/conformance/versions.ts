import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
} from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { checks, failure } from "./ground";
import type { Ground } from "./ground";

const listVersions = (ground: Ground, more: object = {}) =>
  ground.s3.send(new ListObjectVersionsCommand({ Bucket: ground.bucket, ...more }));

const remove = (ground: Ground, Key: string, VersionId?: string) =>
  ground.s3.send(
    new DeleteObjectCommand({ Bucket: ground.bucket, Key, ...(VersionId === undefined ? {} : { VersionId }) }),
  );

/** A bucket with versions, and a key that was written twice. */
async function twice(ground: Ground): Promise<{ one: string; two: string }> {
  await ground.version();
  const one = (await ground.put("key", "one")).VersionId ?? "";
  const two = (await ground.put("key", "two")).VersionId ?? "";
  return { one, two };
}

export const VERSION_CHECKS = checks({
  "versioning: off at first, then on, then suspended": async (ground) => {
    const status = async () => (await ground.s3.send(new GetBucketVersioningCommand({ Bucket: ground.bucket }))).Status;
    expect(await status()).toBeUndefined();
    await ground.version();
    expect(await status()).toBe("Enabled");
    await ground.version("Suspended");
    expect(await status()).toBe("Suspended");
  },
  "without versioning there is no version id, and one version that is called null": async (ground) => {
    expect((await ground.put("key")).VersionId).toBeUndefined();
    const { Versions } = await listVersions(ground);
    expect(Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([["null", true]]);
  },
  "each put has a version id, and each version can be read": async (ground) => {
    const { one, two } = await twice(ground);
    expect(one).not.toBe(two);
    expect([await ground.text("key"), await ground.text("key", one), await ground.text("key", two)]).toEqual([
      "two",
      "one",
      "two",
    ]);
  },
  "delete makes a marker; versions stay": async (ground) => {
    const { one } = await twice(ground);
    const deleted = await remove(ground, "key");
    expect([deleted.DeleteMarker, typeof deleted.VersionId]).toEqual([true, "string"]);
    expect(await failure(ground.text("key"))).toEqual({ name: "NoSuchKey", status: 404 });
    expect(await ground.text("key", one)).toBe("one");
    const answer = await ground.raw({ method: "GET", key: "key" });
    expect(answer.headers["x-amz-delete-marker"]).toBe("true");
  },
  "delete of a marker brings the key back": async (ground) => {
    await twice(ground);
    const { VersionId } = await remove(ground, "key");
    const gone = await remove(ground, "key", VersionId);
    expect([gone.DeleteMarker, gone.VersionId]).toEqual([true, VersionId]);
    expect(await ground.text("key")).toBe("two");
  },
  "delete of a version is for good": async (ground) => {
    const { one, two } = await twice(ground);
    await remove(ground, "key", two);
    expect(await ground.text("key")).toBe("one");
    expect(await failure(ground.text("key", two))).toEqual({ name: "NoSuchVersion", status: 404 });
    await remove(ground, "key", one);
    expect((await listVersions(ground)).Versions ?? []).toEqual([]);
  },
  "a key that was deleted is not listed": async (ground) => {
    await twice(ground);
    await ground.put("other");
    await remove(ground, "key");
    const { Contents } = await ground.s3.send(new ListObjectsV2Command({ Bucket: ground.bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(["other"]);
  },
  "get of a delete marker by its id: MethodNotAllowed": async (ground) => {
    await twice(ground);
    const { VersionId } = await remove(ground, "key");
    expect(await failure(ground.text("key", VersionId))).toEqual({ name: "MethodNotAllowed", status: 405 });
  },
  "list of versions: newest first, markers among them": async (ground) => {
    const { one, two } = await twice(ground);
    const { VersionId: marker } = await remove(ground, "key");
    await ground.put("a");
    const { Versions, DeleteMarkers } = await listVersions(ground);
    const facts = Versions?.map(({ Key, VersionId, IsLatest }) => [Key, VersionId, IsLatest]);
    expect(facts?.slice(1)).toEqual([
      ["key", two, false],
      ["key", one, false],
    ]);
    expect(facts?.[0]?.[0]).toBe("a");
    expect(DeleteMarkers?.map(({ Key, VersionId, IsLatest }) => [Key, VersionId, IsLatest])).toEqual([
      ["key", marker, true],
    ]);
  },
  "list of versions in pages: every version once": async (ground) => {
    await ground.version();
    for (const key of ["a", "b", "b", "b", "c"]) await ground.put(key);
    await remove(ground, "b");
    const seen: string[] = [];
    let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (let page = 0; page < 10; page += 1) {
      const answer = await listVersions(ground, { MaxKeys: 2, ...markers });
      const all = [...(answer.Versions ?? []), ...(answer.DeleteMarkers ?? [])];
      expect(all.length).toBeLessThanOrEqual(2);
      seen.push(...all.map(({ Key, VersionId }) => `${Key} ${VersionId}`));
      if (answer.IsTruncated !== true) break;
      markers = { KeyMarker: answer.NextKeyMarker, VersionIdMarker: answer.NextVersionIdMarker };
    }
    expect(seen.map((name) => name[0])).toEqual(["a", "b", "b", "b", "b", "c"]);
    expect(new Set(seen).size).toBe(6);
  },
  "list of versions: prefix and delimiter": async (ground) => {
    await ground.version();
    for (const key of ["dir/a", "dir/a", "dir/b", "top"]) await ground.put(key);
    const top = await listVersions(ground, { Delimiter: "/" });
    expect([top.Versions?.map(({ Key }) => Key), top.CommonPrefixes]).toEqual([["top"], [{ Prefix: "dir/" }]]);
    const inside = await listVersions(ground, { Prefix: "dir/" });
    expect(inside.Versions?.map(({ Key }) => Key)).toEqual(["dir/a", "dir/a", "dir/b"]);
  },
  "copy of an older version onto its own key": async (ground) => {
    const { one } = await twice(ground);
    const CopySource = `${ground.bucket}/key?versionId=${one}`;
    const copied = await ground.s3.send(new CopyObjectCommand({ Bucket: ground.bucket, Key: "key", CopySource }));
    expect(copied.CopySourceVersionId).toBe(one);
    expect(await ground.text("key")).toBe("one");
    expect((await listVersions(ground)).Versions?.length).toBe(3);
  },
  "copy of a delete marker: InvalidRequest": async (ground) => {
    await twice(ground);
    const { VersionId } = await remove(ground, "key");
    const CopySource = `${ground.bucket}/key?versionId=${VersionId}`;
    const call = ground.s3.send(new CopyObjectCommand({ Bucket: ground.bucket, Key: "to", CopySource }));
    expect(await failure(call)).toEqual({ name: "InvalidRequest", status: 400 });
  },
  "bulk delete of versions and of keys": async (ground) => {
    const { one } = await twice(ground);
    await ground.put("other");
    const Objects = [{ Key: "key", VersionId: one }, { Key: "other" }];
    const { Deleted } = await ground.s3.send(new DeleteObjectsCommand({ Bucket: ground.bucket, Delete: { Objects } }));
    expect(Deleted?.find(({ Key }) => Key === "key")).toMatchObject({ VersionId: one });
    expect(Deleted?.find(({ Key }) => Key === "other")).toMatchObject({ DeleteMarker: true });
    expect(await ground.text("key")).toBe("two");
    expect((await failure(ground.text("other"))).name).toBe("NoSuchKey");
  },
  "suspended: puts replace the version null and leave the others": async (ground) => {
    const { one } = await twice(ground);
    await ground.version("Suspended");
    await ground.put("key", "three");
    await ground.put("key", "four");
    expect([await ground.text("key"), await ground.text("key", "null"), await ground.text("key", one)]).toEqual([
      "four",
      "four",
      "one",
    ]);
    expect((await listVersions(ground)).Versions?.length).toBe(3);
    await remove(ground, "key");
    expect((await failure(ground.text("key"))).name).toBe("NoSuchKey");
    expect(await ground.text("key", one)).toBe("one");
  },
  "what was there before versioning is the version null": async (ground) => {
    await ground.put("key", "zero");
    await ground.version();
    await ground.put("key", "one");
    expect(await ground.text("key", "null")).toBe("zero");
  },
  "head names the version": async (ground) => {
    const { two } = await twice(ground);
    const head = await ground.s3.send(new HeadObjectCommand({ Bucket: ground.bucket, Key: "key" }));
    expect(head.VersionId).toBe(two);
  },
});
