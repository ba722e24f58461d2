import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { checks, failure } from "./ground";
import type { Ground } from "./ground";

const MIB = 1024 * 1024;
const LARGE = Buffer.alloc(5 * MIB, "a");
const md5 = (bytes: Buffer): Buffer => createHash("md5").update(bytes).digest();

class Upload {
  readonly ground: Ground;
  readonly at: { Bucket: string; Key: string; UploadId: string };

  private constructor(ground: Ground, Key: string, UploadId: string) {
    this.ground = ground;
    this.at = { Bucket: ground.bucket, Key, UploadId };
  }

  static async begin(ground: Ground, Key = "key", more: object = {}): Promise<Upload> {
    const { UploadId } = await ground.s3.send(
      new CreateMultipartUploadCommand({ Bucket: ground.bucket, Key, ...more }),
    );
    return new Upload(ground, Key, UploadId ?? "");
  }

  async part(PartNumber: number, Body: Buffer | string): Promise<{ PartNumber: number; ETag: string | undefined }> {
    const { ETag } = await this.ground.s3.send(new UploadPartCommand({ ...this.at, PartNumber, Body }));
    return { PartNumber, ETag };
  }

  complete(Parts: { PartNumber: number; ETag: string | undefined }[]) {
    return this.ground.s3.send(new CompleteMultipartUploadCommand({ ...this.at, MultipartUpload: { Parts } }));
  }

  abort() {
    return this.ground.s3.send(new AbortMultipartUploadCommand(this.at));
  }

  list(more: object = {}) {
    return this.ground.s3.send(new ListPartsCommand({ ...this.at, ...more }));
  }
}

const uploads = (ground: Ground, more: object = {}) =>
  ground.s3.send(new ListMultipartUploadsCommand({ Bucket: ground.bucket, ...more }));

export const MULTIPART_CHECKS = checks({
  "multipart: parts in any order, ETag with their number": async (ground) => {
    const upload = await Upload.begin(ground, "key", { ContentType: "text/plain", Metadata: { colour: "blue" } });
    const two = await upload.part(2, "tail");
    const one = await upload.part(1, LARGE);
    const { ETag } = await upload.complete([one, two]);
    const expected = md5(Buffer.concat([md5(LARGE), md5(Buffer.from("tail"))])).toString("hex");
    expect(ETag).toBe(`"${expected}-2"`);
    const got = await ground.s3.send(new GetObjectCommand({ Bucket: ground.bucket, Key: "key" }));
    const bytes = Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    expect(bytes.equals(Buffer.concat([LARGE, Buffer.from("tail")]))).toBe(true);
    expect([got.ContentType, got.Metadata]).toEqual(["text/plain", { colour: "blue" }]);
  },
  "multipart: a range across two parts": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.complete([await upload.part(1, LARGE), await upload.part(2, "tail")]);
    const Range = `bytes=${5 * MIB - 2}-${5 * MIB + 1}`;
    const got = await ground.s3.send(new GetObjectCommand({ Bucket: ground.bucket, Key: "key", Range }));
    expect(await got.Body?.transformToString()).toBe("aata");
  },
  "multipart: nothing is there before it is complete": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.part(1, "x");
    expect((await failure(ground.text("key"))).name).toBe("NoSuchKey");
  },
  "multipart: a part that is sent again replaces the first": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.part(1, "first");
    await upload.complete([await upload.part(1, "second")]);
    expect(await ground.text("key")).toBe("second");
  },
  "multipart: parts that are not named are left out": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.part(1, "left out");
    await upload.complete([await upload.part(7, "seven")]);
    expect(await ground.text("key")).toBe("seven");
  },
  "multipart: abort; then the upload is unknown": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.part(1, "x");
    await upload.abort();
    expect(await failure(upload.part(2, "y"))).toEqual({ name: "NoSuchUpload", status: 404 });
    expect((await uploads(ground)).Uploads ?? []).toEqual([]);
  },
  "multipart: list of parts, in pages": async (ground) => {
    const upload = await Upload.begin(ground);
    for (const number of [3, 1, 2]) await upload.part(number, `part ${number}`);
    const all = await upload.list();
    expect(all.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 6],
      [2, 6],
      [3, 6],
    ]);
    const first = await upload.list({ MaxParts: 2 });
    expect([first.Parts?.length, first.IsTruncated]).toEqual([2, true]);
    const rest = await upload.list({ PartNumberMarker: first.NextPartNumberMarker });
    expect(rest.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([3]);
  },
  "multipart: list of uploads": async (ground) => {
    await Upload.begin(ground, "b");
    const kept = await Upload.begin(ground, "a/1");
    const { Uploads } = await uploads(ground);
    expect(Uploads?.map(({ Key }) => Key)).toEqual(["a/1", "b"]);
    const below = await uploads(ground, { Prefix: "a/" });
    expect(below.Uploads?.map(({ UploadId }) => UploadId)).toEqual([kept.at.UploadId]);
  },
  "multipart: list of uploads, in pages and with a delimiter": async (ground) => {
    for (const key of ["c", "a/1", "a/2", "b"]) await Upload.begin(ground, key);
    const top = await uploads(ground, { Delimiter: "/" });
    expect([top.Uploads?.map(({ Key }) => Key), top.CommonPrefixes]).toEqual([["b", "c"], [{ Prefix: "a/" }]]);
    const first = await uploads(ground, { MaxUploads: 2 });
    expect([first.Uploads?.map(({ Key }) => Key), first.IsTruncated]).toEqual([["a/1", "a/2"], true]);
    const rest = await uploads(ground, { KeyMarker: first.NextKeyMarker, UploadIdMarker: first.NextUploadIdMarker });
    expect(rest.Uploads?.map(({ Key }) => Key)).toEqual(["b", "c"]);
  },
  "multipart: a part that is not there: InvalidPart": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.part(1, "x");
    const wrong = [{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }];
    expect(await failure(upload.complete(wrong))).toEqual({ name: "InvalidPart", status: 400 });
  },
  "multipart: parts out of order: InvalidPartOrder": async (ground) => {
    const upload = await Upload.begin(ground);
    const [one, two] = [await upload.part(1, LARGE), await upload.part(2, "y")];
    expect(await failure(upload.complete([two, one]))).toEqual({ name: "InvalidPartOrder", status: 400 });
  },
  "multipart: a small part that isn't the last: EntityTooSmall": async (ground) => {
    const upload = await Upload.begin(ground);
    const parts = [await upload.part(1, "small"), await upload.part(2, "y")];
    expect(await failure(upload.complete(parts))).toEqual({ name: "EntityTooSmall", status: 400 });
  },
  "multipart: a part number out of range": async (ground) => {
    const upload = await Upload.begin(ground);
    expect(await failure(upload.part(10_001, "x"))).toEqual({ name: "InvalidArgument", status: 400 });
  },
  "multipart: an upload that nobody began: NoSuchUpload": async (ground) => {
    const call = ground.s3.send(
      new UploadPartCommand({ Bucket: ground.bucket, Key: "key", UploadId: "unknown", PartNumber: 1, Body: "x" }),
    );
    expect(await failure(call)).toEqual({ name: "NoSuchUpload", status: 404 });
  },
  "multipart: a part that is copied from an object, and from a range of it": async (ground) => {
    await ground.put("from", "0123456789");
    const upload = await Upload.begin(ground);
    const CopySource = `${ground.bucket}/from`;
    const copy = async (PartNumber: number, more: object) => {
      const answer = await ground.s3.send(new UploadPartCopyCommand({ ...upload.at, PartNumber, CopySource, ...more }));
      return { PartNumber, ETag: answer.CopyPartResult?.ETag };
    };
    await upload.complete([await copy(1, { CopySourceRange: "bytes=2-5" })]);
    expect(await ground.text("key")).toBe("2345");
  },
  "multipart: one part of the finished object by its number": async (ground) => {
    const upload = await Upload.begin(ground);
    await upload.complete([await upload.part(1, LARGE), await upload.part(2, "tail")]);
    const head = await ground.s3.send(new HeadObjectCommand({ Bucket: ground.bucket, Key: "key", PartNumber: 2 }));
    expect([head.ContentLength, head.PartsCount]).toEqual([4, 2]);
  },
  "multipart: complete If-None-Match *": async (ground) => {
    await ground.put("key", "before");
    const upload = await Upload.begin(ground);
    const Parts = [await upload.part(1, "x")];
    const call = ground.s3.send(
      new CompleteMultipartUploadCommand({ ...upload.at, MultipartUpload: { Parts }, IfNoneMatch: "*" }),
    );
    expect((await failure(call)).status).toBe(412);
    expect(await ground.text("key")).toBe("before");
  },
});
