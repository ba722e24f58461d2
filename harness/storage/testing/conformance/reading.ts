import { CopyObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { checks, codeOf, failure } from "./ground";
import type { Ground } from "./ground";

const DIGITS = "0123456789";

async function digits(ground: Ground, more: Partial<GetObjectCommandInput>) {
  await ground.put("key", DIGITS);
  const got = await ground.s3.send(new GetObjectCommand({ Bucket: ground.bucket, Key: "key", ...more }));
  return { text: await got.Body?.transformToString(), range: got.ContentRange, status: got.$metadata.httpStatusCode };
}

const get = (ground: Ground, more: Partial<GetObjectCommandInput>) =>
  ground.s3.send(new GetObjectCommand({ Bucket: ground.bucket, Key: "key", ...more }));

export const READING_CHECKS = checks({
  "range first-last": async (ground) => {
    expect(await digits(ground, { Range: "bytes=2-4" })).toEqual({ text: "234", range: "bytes 2-4/10", status: 206 });
  },
  "range first-": async (ground) => {
    expect(await digits(ground, { Range: "bytes=7-" })).toEqual({ text: "789", range: "bytes 7-9/10", status: 206 });
  },
  "range -last": async (ground) => {
    expect(await digits(ground, { Range: "bytes=-3" })).toEqual({ text: "789", range: "bytes 7-9/10", status: 206 });
  },
  "range past the end is cut": async (ground) => {
    const expected = { text: "89", range: "bytes 8-9/10", status: 206 };
    expect(await digits(ground, { Range: "bytes=8-99" })).toEqual(expected);
    expect((await digits(ground, { Range: "bytes=-99" })).text).toBe(DIGITS);
  },
  "range behind the end: InvalidRange": async (ground) => {
    expect(await failure(digits(ground, { Range: "bytes=10-" }))).toEqual({ name: "InvalidRange", status: 416 });
  },
  "range that makes no sense: the whole object": async (ground) => {
    await ground.put("key", DIGITS);
    for (const range of ["bytes=5-2", "lines=1-2", "bytes=x"]) {
      const answer = await ground.raw({ method: "GET", key: "key", headers: { range } });
      expect([range, answer.status, answer.body.toString()]).toEqual([range, 200, DIGITS]);
    }
  },
  "head with a range": async (ground) => {
    await ground.put("key", DIGITS);
    const head = await ground.s3.send(new HeadObjectCommand({ Bucket: ground.bucket, Key: "key", Range: "bytes=2-4" }));
    expect(head.ContentLength).toBe(3);
  },
  "a range in the middle of 6 MiB": async (ground) => {
    const body = Buffer.alloc(6 * 1024 * 1024);
    for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(i, i);
    await ground.put("key", body);
    const got = await get(ground, { Range: "bytes=3000000-4999999" });
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    expect(bytes.equals(body.subarray(3_000_000, 5_000_000))).toBe(true);
  },
  "get If-None-Match: 304 when the client has it": async (ground) => {
    const { ETag } = await ground.put("key");
    expect((await failure(get(ground, { IfNoneMatch: ETag }))).status).toBe(304);
    expect(await (await get(ground, { IfNoneMatch: '"other"' })).Body?.transformToString()).toBe("x");
  },
  "get If-Match: 412 when it is another": async (ground) => {
    const { ETag } = await ground.put("key");
    expect(await (await get(ground, { IfMatch: ETag })).Body?.transformToString()).toBe("x");
    expect((await failure(get(ground, { IfMatch: '"other"' }))).status).toBe(412);
  },
  "get If-Modified-Since and If-Unmodified-Since": async (ground) => {
    await ground.put("key");
    const [before, after] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)];
    expect(await (await get(ground, { IfModifiedSince: before })).Body?.transformToString()).toBe("x");
    expect((await failure(get(ground, { IfUnmodifiedSince: before }))).status).toBe(412);
    expect(await (await get(ground, { IfUnmodifiedSince: after })).Body?.transformToString()).toBe("x");
  },
  "put If-None-Match *: only when there is nothing": async (ground) => {
    await ground.put("key", "one", { IfNoneMatch: "*" });
    expect((await failure(ground.put("key", "two", { IfNoneMatch: "*" }))).status).toBe(412);
    expect(await ground.text("key")).toBe("one");
  },
  "put If-Match: only over the version that the client knows": async (ground) => {
    const { ETag } = await ground.put("key", "one");
    await ground.put("key", "two", { IfMatch: ETag });
    expect((await failure(ground.put("key", "three", { IfMatch: ETag }))).status).toBe(412);
    expect(await ground.text("key")).toBe("two");
  },
  "put If-Match of nothing: 404": async (ground) => {
    expect((await failure(ground.put("key", "one", { IfMatch: '"any"' }))).status).toBe(404);
  },
  "put If-None-Match *: of 8 at once exactly one wins": async (ground) => {
    const one = (i: number) =>
      ground.s3.send(new PutObjectCommand({ Bucket: ground.bucket, Key: "key", Body: `${i}`, IfNoneMatch: "*" }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => one(i)));
    expect(results.filter(({ status }) => status === "fulfilled").length).toBe(1);
  },
  "copy-source-if-match and -if-none-match": async (ground) => {
    const { ETag } = await ground.put("key");
    const copy = (more: object) =>
      ground.s3.send(
        new CopyObjectCommand({ Bucket: ground.bucket, Key: "to", CopySource: `${ground.bucket}/key`, ...more }),
      );
    await copy({ CopySourceIfMatch: ETag });
    expect((await failure(copy({ CopySourceIfNoneMatch: ETag }))).status).toBe(412);
    expect((await failure(copy({ CopySourceIfMatch: '"other"' }))).status).toBe(412);
  },
  "errors of conditions have XML": async (ground) => {
    await ground.put("key");
    const answer = await ground.raw({ method: "GET", key: "key", headers: { "if-match": '"other"' } });
    expect([answer.status, codeOf(answer)]).toEqual([412, "PreconditionFailed"]);
  },
});
