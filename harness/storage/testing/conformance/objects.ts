import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { checks, codeOf, failure } from "./ground";
import type { Ground } from "./ground";

const at = (ground: Ground, Key: string) => ({ Bucket: ground.bucket, Key });

export const OBJECT_CHECKS = checks({
  "put and get: bytes, ETag, length, type, time": async (ground) => {
    const { ETag } = await ground.put("a/b.txt", "hello", { ContentType: "text/plain" });
    expect(ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const got = await ground.s3.send(new GetObjectCommand(at(ground, "a/b.txt")));
    expect(await got.Body?.transformToString()).toBe("hello");
    expect([got.ETag, got.ContentLength, got.ContentType]).toEqual([ETag, 5, "text/plain"]);
    expect(Math.abs(Date.now() - (got.LastModified?.getTime() ?? 0))).toBeLessThan(10_000);
  },
  "put replaces": async (ground) => {
    await ground.put("key", "one");
    await ground.put("key", "two");
    expect(await ground.text("key")).toBe("two");
  },
  "an empty object": async (ground) => {
    await ground.put("empty", Buffer.alloc(0));
    const got = await ground.s3.send(new GetObjectCommand(at(ground, "empty")));
    expect([got.ContentLength, await got.Body?.transformToString()]).toEqual([0, ""]);
  },
  "an object of 6 MiB comes back byte for byte": async (ground) => {
    const body = Buffer.alloc(6 * 1024 * 1024);
    for (let i = 0; i < body.length; i += 1) body[i] = (i * 31) % 251;
    await ground.put("large", body);
    const got = await ground.s3.send(new GetObjectCommand(at(ground, "large")));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
  },
  "head: as get, without a body": async (ground) => {
    await ground.put("key", "hello", { Metadata: { colour: "blue" }, CacheControl: "no-cache" });
    const head = await ground.s3.send(new HeadObjectCommand(at(ground, "key")));
    expect([head.ContentLength, head.Metadata, head.CacheControl]).toEqual([5, { colour: "blue" }, "no-cache"]);
  },
  "headers that are kept: encoding, disposition, language, expiry": async (ground) => {
    const kept = { ContentEncoding: "gzip", ContentDisposition: "inline", ContentLanguage: "de" };
    await ground.put("key", "x", kept);
    expect(await ground.s3.send(new HeadObjectCommand(at(ground, "key")))).toMatchObject(kept);
  },
  "get: response-… in the query replaces headers": async (ground) => {
    await ground.put("key");
    const input = { ...at(ground, "key"), ResponseContentType: "image/png", ResponseCacheControl: "max-age=1" };
    const got = await ground.s3.send(new GetObjectCommand(input));
    expect([got.ContentType, got.CacheControl]).toEqual(["image/png", "max-age=1"]);
    await got.Body?.transformToString();
  },
  "get of nothing: NoSuchKey, with the key in the XML": async (ground) => {
    expect(await failure(ground.text("nothing"))).toEqual({ name: "NoSuchKey", status: 404 });
    const answer = await ground.raw({ method: "GET", key: "nothing" });
    const text = answer.body.toString();
    expect(text).toContain("<Key>nothing</Key>");
    expect(answer.headers["content-type"]).toMatch(/^(application|text)\/xml/);
    expect(answer.headers["x-amz-request-id"]).toBeTruthy();
  },
  "head of nothing: 404 without a body": async (ground) => {
    expect(await failure(ground.s3.send(new HeadObjectCommand(at(ground, "nothing"))))).toMatchObject({ status: 404 });
    expect((await ground.raw({ method: "HEAD", key: "nothing" })).body.length).toBe(0);
  },
  "delete; deleting again is fine": async (ground) => {
    await ground.put("key");
    for (const _ of [1, 2]) {
      const { $metadata } = await ground.s3.send(new DeleteObjectCommand(at(ground, "key")));
      expect($metadata.httpStatusCode).toBe(204);
    }
    expect((await failure(ground.text("key"))).name).toBe("NoSuchKey");
  },
  "keys with spaces, plus, percent, quotes, unicode, dots": async (ground) => {
    const keys = ["a b", "a+b", "a%20b", "a%2Fb", "ü/日本/😀", "q'\"<&>", "a//b", "x/../y", "~!*()", "=?#&"];
    for (const key of keys) await ground.put(key, `of ${key}`);
    for (const key of keys) expect(await ground.text(key)).toBe(`of ${key}`);
  },
  "a key of 1024 bytes, and one too long": async (ground) => {
    // Parts of a path on disk may not be longer than 255 bytes in some servers.
    const key = Array.from({ length: 5 }, () => "k".repeat(203)).join("/");
    await ground.put(`${key}kkkkk`, "long");
    expect(await ground.text(`${key}kkkkk`)).toBe("long");
    expect(await failure(ground.put(`${key}kkkkkk`))).toEqual({ name: "KeyTooLongError", status: 400 });
  },
  "too much metadata: MetadataTooLarge": async (ground) => {
    const call = ground.put("key", "x", { Metadata: { much: "x".repeat(2100) } });
    expect(await failure(call)).toEqual({ name: "MetadataTooLarge", status: 400 });
  },
  "storage class: kept, shown, refused when unknown": async (ground) => {
    await ground.put("key", "x", { StorageClass: "STANDARD_IA" });
    const head = await ground.s3.send(new HeadObjectCommand(at(ground, "key")));
    expect(head.StorageClass).toBe("STANDARD_IA");
    const answer = await ground.raw({ method: "PUT", key: "k", body: "x", headers: { "x-amz-storage-class": "GOLD" } });
    expect([answer.status, codeOf(answer)]).toEqual([400, "InvalidStorageClass"]);
  },
  "copy: bytes, metadata and type": async (ground) => {
    await ground.put("from a+b", "hello", { Metadata: { colour: "blue" }, ContentType: "text/plain" });
    const CopySource = `${ground.bucket}/${encodeURIComponent("from a+b")}`;
    const copied = await ground.s3.send(new CopyObjectCommand({ ...at(ground, "to"), CopySource }));
    expect(copied.CopyObjectResult?.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const head = await ground.s3.send(new HeadObjectCommand(at(ground, "to")));
    expect([head.Metadata, head.ContentType]).toEqual([{ colour: "blue" }, "text/plain"]);
    expect(await ground.text("to")).toBe("hello");
  },
  "copy outlives its source": async (ground) => {
    await ground.put("from", "hello");
    await ground.s3.send(new CopyObjectCommand({ ...at(ground, "to"), CopySource: `/${ground.bucket}/from` }));
    await ground.s3.send(new DeleteObjectCommand(at(ground, "from")));
    expect(await ground.text("to")).toBe("hello");
  },
  "copy with new metadata": async (ground) => {
    await ground.put("key", "hello", { Metadata: { colour: "blue" } });
    const CopySource = `${ground.bucket}/key`;
    const input = { ...at(ground, "key"), CopySource, MetadataDirective: "REPLACE", Metadata: { size: "s" } } as const;
    await ground.s3.send(new CopyObjectCommand(input));
    expect((await ground.s3.send(new HeadObjectCommand(at(ground, "key")))).Metadata).toEqual({ size: "s" });
  },
  "copy onto itself with nothing changed: InvalidRequest": async (ground) => {
    await ground.put("key");
    const call = ground.s3.send(new CopyObjectCommand({ ...at(ground, "key"), CopySource: `${ground.bucket}/key` }));
    expect(await failure(call)).toEqual({ name: "InvalidRequest", status: 400 });
  },
  "copy of nothing: NoSuchKey": async (ground) => {
    const call = ground.s3.send(new CopyObjectCommand({ ...at(ground, "to"), CopySource: `${ground.bucket}/nothing` }));
    expect(await failure(call)).toEqual({ name: "NoSuchKey", status: 404 });
  },
  "bulk delete: what is there, what isn't, and each is named": async (ground) => {
    await ground.putAll(["a", "b", "c <&> 1"]);
    const Objects = ["a", "c <&> 1", "nothing"].map((Key) => ({ Key }));
    const answer = await ground.s3.send(new DeleteObjectsCommand({ Bucket: ground.bucket, Delete: { Objects } }));
    expect(answer.Deleted?.map(({ Key }) => Key).sort()).toEqual(["a", "c <&> 1", "nothing"]);
    expect(answer.Errors ?? []).toEqual([]);
    expect((await failure(ground.text("a"))).name).toBe("NoSuchKey");
    expect(await ground.text("b")).toBe("x");
  },
  "bulk delete, quiet: names nothing that went well": async (ground) => {
    await ground.putAll(["a", "b"]);
    const Delete = { Objects: [{ Key: "a" }, { Key: "b" }], Quiet: true };
    const answer = await ground.s3.send(new DeleteObjectsCommand({ Bucket: ground.bucket, Delete }));
    expect(answer.Deleted ?? []).toEqual([]);
    expect((await failure(ground.text("a"))).name).toBe("NoSuchKey");
  },
  "bulk delete of 1001 keys: MalformedXML": async (ground) => {
    const Objects = Array.from({ length: 1001 }, (_, i) => ({ Key: `k${i}` }));
    const call = ground.s3.send(new DeleteObjectsCommand({ Bucket: ground.bucket, Delete: { Objects } }));
    expect(await failure(call)).toEqual({ name: "MalformedXML", status: 400 });
  },
  "bulk delete without a digest: refused": async (ground) => {
    const body = "<Delete><Object><Key>a</Key></Object></Delete>";
    const answer = await ground.raw({ method: "POST", query: { delete: "" }, body });
    expect([answer.status, ["InvalidRequest", "MissingContentMD5"].includes(codeOf(answer))]).toEqual([400, true]);
  },
  "tags: with the object, and on their own": async (ground) => {
    await ground.put("key", "x", { Tagging: "a=1&b=two%20words" });
    const tags = async () => (await ground.s3.send(new GetObjectTaggingCommand(at(ground, "key")))).TagSet;
    expect(await tags()).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "two words" },
    ]);
    const Tagging = { TagSet: [{ Key: "c", Value: "3" }] };
    await ground.s3.send(new PutObjectTaggingCommand({ ...at(ground, "key"), Tagging }));
    expect(await tags()).toEqual([{ Key: "c", Value: "3" }]);
    await ground.s3.send(new DeleteObjectTaggingCommand(at(ground, "key")));
    expect(await tags()).toEqual([]);
  },
});
