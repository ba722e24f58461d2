import { DeleteObjectCommand, ListObjectsCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { ListObjectsV2CommandInput } from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { checks, failure } from "./ground";
import type { Ground } from "./ground";

const inOrder = (a = "", b = ""): number => (a < b ? -1 : 1);

type Input = Partial<ListObjectsV2CommandInput>;

async function list(ground: Ground, more: Input = {}) {
  const answer = await ground.s3.send(new ListObjectsV2Command({ Bucket: ground.bucket, ...more }));
  return {
    answer,
    keys: answer.Contents?.map(({ Key }) => Key) ?? [],
    prefixes: answer.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? [],
  };
}

/** All pages: keys and prefixes in the order in which they came. */
async function listAll(ground: Ground, more: Input): Promise<{ names: (string | undefined)[]; pages: number }> {
  const names: (string | undefined)[] = [];
  let pages = 0;
  let ContinuationToken: string | undefined;
  do {
    const page = await list(ground, { ...more, ...(ContinuationToken === undefined ? {} : { ContinuationToken }) });
    names.push(...[...page.keys, ...page.prefixes].sort(inOrder));
    pages += 1;
    ContinuationToken = page.answer.NextContinuationToken;
    expect(page.answer.IsTruncated).toBe(ContinuationToken !== undefined);
  } while (ContinuationToken !== undefined && pages < 100);
  return { names, pages };
}

const TREE = ["a", "dir/1", "dir/2", "dir/sub/3", "dir2/4", "z"];

export const LISTING_CHECKS = checks({
  "list of an empty bucket": async (ground) => {
    const { answer, keys } = await list(ground);
    expect([keys, answer.KeyCount, answer.IsTruncated, answer.Name]).toEqual([[], 0, false, ground.bucket]);
  },
  "list: key, size, ETag, time, class": async (ground) => {
    const { ETag } = await ground.put("key", "hello");
    const [object] = (await list(ground)).answer.Contents ?? [];
    expect(object).toMatchObject({ Key: "key", Size: 5, ETag, StorageClass: "STANDARD" });
    expect(Math.abs(Date.now() - (object?.LastModified?.getTime() ?? 0))).toBeLessThan(10_000);
  },
  "list is in the order of UTF-8 bytes": async (ground) => {
    const keys = ["B", "a", "A", "\u{1F600}", "\uFF5E", "é", "a/", "a-", "Z", "0"];
    await ground.putAll(keys);
    const expected = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    expect((await list(ground)).keys).toEqual(expected);
  },
  "list with a prefix": async (ground) => {
    await ground.putAll(TREE);
    expect((await list(ground, { Prefix: "dir" })).keys).toEqual(["dir/1", "dir/2", "dir/sub/3", "dir2/4"]);
    expect((await list(ground, { Prefix: "dir/s" })).keys).toEqual(["dir/sub/3"]);
    expect((await list(ground, { Prefix: "nothing" })).keys).toEqual([]);
  },
  "list with a delimiter": async (ground) => {
    await ground.putAll(TREE);
    const top = await list(ground, { Delimiter: "/" });
    expect([top.keys, top.prefixes, top.answer.KeyCount]).toEqual([["a", "z"], ["dir/", "dir2/"], 4]);
    const inside = await list(ground, { Prefix: "dir/", Delimiter: "/" });
    expect([inside.keys, inside.prefixes]).toEqual([["dir/1", "dir/2"], ["dir/sub/"]]);
  },
  "list with a delimiter of two characters": async (ground) => {
    await ground.putAll(["a::b", "a::c", "a:d", "e"]);
    const { keys, prefixes } = await list(ground, { Delimiter: "::" });
    expect([keys, prefixes]).toEqual([["a:d", "e"], ["a::"]]);
  },
  "list in pages: every key once, in order": async (ground) => {
    const keys = Array.from({ length: 25 }, (_, i) => `k${String(i).padStart(2, "0")}`);
    await ground.putAll(keys);
    expect(await listAll(ground, { MaxKeys: 10 })).toEqual({ names: keys, pages: 3 });
    expect(await listAll(ground, { MaxKeys: 25 })).toEqual({ names: keys, pages: 1 });
  },
  "list in pages with a delimiter: a common prefix comes once and counts as one": async (ground) => {
    await ground.putAll(TREE);
    const { names, pages } = await listAll(ground, { MaxKeys: 1, Delimiter: "/" });
    expect([names, pages]).toEqual([["a", "dir/", "dir2/", "z"], 4]);
  },
  "list in pages while keys go": async (ground) => {
    await ground.putAll(TREE);
    const first = await list(ground, { MaxKeys: 2 });
    for (const Key of ["dir/1", "dir/2"]) {
      await ground.s3.send(new DeleteObjectCommand({ Bucket: ground.bucket, Key }));
    }
    const token = first.answer.NextContinuationToken;
    const rest = await list(ground, token === undefined ? {} : { ContinuationToken: token });
    expect(rest.keys).toEqual(["dir/sub/3", "dir2/4", "z"]);
  },
  "list: StartAfter": async (ground) => {
    await ground.putAll(TREE);
    expect((await list(ground, { StartAfter: "dir/2" })).keys).toEqual(["dir/sub/3", "dir2/4", "z"]);
    expect((await list(ground, { StartAfter: "dir/11", Prefix: "dir/" })).keys).toEqual(["dir/2", "dir/sub/3"]);
    expect((await list(ground, { StartAfter: "zz" })).keys).toEqual([]);
  },
  "list: MaxKeys 0, and a number that is none": async (ground) => {
    await ground.putAll(["a", "b"]);
    const { answer, keys } = await list(ground, { MaxKeys: 0 });
    expect([keys, answer.IsTruncated]).toEqual([[], false]);
    const wrong = await ground.raw({ method: "GET", query: { "list-type": "2", "max-keys": "many" } });
    expect(wrong.status).toBe(400);
  },
  "list: more than 1000 keys come in pages of 1000": async (ground) => {
    const keys = Array.from({ length: 1001 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    for (let i = 0; i < keys.length; i += 50) await Promise.all(keys.slice(i, i + 50).map((key) => ground.put(key)));
    const { answer } = await list(ground, { MaxKeys: 5000 });
    expect([answer.KeyCount, answer.IsTruncated]).toEqual([1000, true]);
  },
  "list: EncodingType url": async (ground) => {
    await ground.put("dir a/k+y <&>");
    const { keys } = await list(ground, { EncodingType: "url" });
    expect(keys.map((key) => decodeURIComponent((key ?? "").replaceAll("+", "%20")))).toEqual(["dir a/k+y <&>"]);
    expect(keys[0]).not.toContain("<");
  },
  "list: a wrong continuation token": async (ground) => {
    const call = list(ground, { ContinuationToken: "%%%" });
    expect(await failure(call)).toEqual({ name: "InvalidArgument", status: 400 });
  },
  "list: FetchOwner": async (ground) => {
    await ground.put("key");
    expect((await list(ground)).answer.Contents?.[0]?.Owner).toBeUndefined();
    expect((await list(ground, { FetchOwner: true })).answer.Contents?.[0]?.Owner?.ID).toBeTruthy();
  },
  "list v1: marker, delimiter, NextMarker": async (ground) => {
    await ground.putAll(TREE);
    const v1 = (more: object) => ground.s3.send(new ListObjectsCommand({ Bucket: ground.bucket, ...more }));
    const first = await v1({ MaxKeys: 2, Delimiter: "/" });
    expect([first.Contents?.map(({ Key }) => Key), first.CommonPrefixes]).toEqual([["a"], [{ Prefix: "dir/" }]]);
    const rest = await v1({ Delimiter: "/", Marker: first.NextMarker });
    expect([rest.CommonPrefixes, rest.Contents?.map(({ Key }) => Key)]).toEqual([[{ Prefix: "dir2/" }], ["z"]]);
  },
});
