import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect } from "vitest";
import { checks, codeOf, exchange, failure } from "./ground";
import type { Ground } from "./ground";

const list = (ground: Ground, bucket = ground.bucket) => new ListObjectsV2Command({ Bucket: bucket });

const MINUTE = 60_000;

export const ACCESS_CHECKS = checks({
  "a secret that is wrong: SignatureDoesNotMatch": async (ground) => {
    const s3 = ground.client({ credentials: { ...ground.target.keys, secretAccessKey: "wrongwrongwrong" } });
    expect(await failure(s3.send(list(ground)))).toEqual({ name: "SignatureDoesNotMatch", status: 403 });
  },
  "a key that is unknown: InvalidAccessKeyId": async (ground) => {
    const s3 = ground.client({ credentials: { ...ground.target.keys, accessKeyId: "NOBODY0000000000" } });
    expect(await failure(s3.send(list(ground)))).toEqual({ name: "InvalidAccessKeyId", status: 403 });
  },
  "no signature: AccessDenied": async (ground) => {
    const answer = await ground.raw({ method: "GET", query: { "list-type": "2" }, signed: false });
    expect([answer.status, codeOf(answer)]).toEqual([403, "AccessDenied"]);
  },
  "a clock that is 20 minutes off, either way: RequestTimeTooSkewed": async (ground) => {
    for (const skew of [-20 * MINUTE, 20 * MINUTE]) {
      const answer = await ground.raw({ method: "GET", key: "key", date: new Date(Date.now() + skew) });
      expect([answer.status, codeOf(answer)]).toEqual([403, "RequestTimeTooSkewed"]);
    }
  },
  "a clock that is 10 minutes off is fine": async (ground) => {
    await ground.put("key");
    const answer = await ground.raw({ method: "GET", key: "key", date: new Date(Date.now() - 10 * MINUTE) });
    expect(answer.status).toBe(200);
  },
  "a query that was changed after signing: SignatureDoesNotMatch": async (ground) => {
    const { headers } = ground.sign({ method: "GET", query: { "list-type": "2", prefix: "a" } });
    const answer = await ground.raw({ method: "GET", query: { "list-type": "2", prefix: "b" } }, headers);
    expect([answer.status, codeOf(answer)]).toEqual([403, "SignatureDoesNotMatch"]);
  },
  "a header that was changed after signing: SignatureDoesNotMatch": async (ground) => {
    const raw = { method: "PUT", key: "key", body: "x", headers: { "x-amz-meta-colour": "blue" } };
    const { headers } = ground.sign(raw);
    const answer = await ground.raw(raw, { ...headers, "x-amz-meta-colour": "red", "content-length": "1" });
    expect([answer.status, codeOf(answer)]).toEqual([403, "SignatureDoesNotMatch"]);
  },
  "an Authorization header that is none": async (ground) => {
    const headers = { authorization: "AWS4-HMAC-SHA256 nonsense", "x-amz-date": "20250101T000000Z" };
    const answer = await ground.raw({ method: "GET", key: "key", signed: false, headers });
    expect([400, 403]).toContain(answer.status);
    expect(codeOf(answer)).not.toBe("");
  },
  "the scope of another service: refused": async (ground) => {
    const { headers } = ground.sign({ method: "GET", key: "key" });
    const authorization = (headers["authorization"] ?? "").replace("/s3/", "/ec2/");
    const answer = await ground.raw({ method: "GET", key: "key" }, { ...headers, authorization });
    expect([400, 403]).toContain(answer.status);
  },
  "presigned get and put": async (ground) => {
    const at = { Bucket: ground.bucket, Key: "a b+c" };
    const putUrl = await getSignedUrl(ground.s3, new PutObjectCommand(at), { expiresIn: 60 });
    expect((await fetch(putUrl, { method: "PUT", body: "hello" })).status).toBe(200);
    const getUrl = await getSignedUrl(ground.s3, new GetObjectCommand(at), { expiresIn: 60 });
    expect(await (await fetch(getUrl)).text()).toBe("hello");
  },
  "presigned: for another key it doesn't count": async (ground) => {
    await ground.putAll(["key", "other"]);
    const url = await getSignedUrl(ground.s3, new GetObjectCommand({ Bucket: ground.bucket, Key: "key" }));
    const answer = await exchange(new URL(url.replace("/key?", "/other?")), "GET", {});
    expect([answer.status, codeOf(answer)]).toEqual([403, "SignatureDoesNotMatch"]);
  },
  "presigned: expired": async (ground) => {
    await ground.put("key");
    const signingDate = new Date(Date.now() - 10 * MINUTE);
    const command = new GetObjectCommand({ Bucket: ground.bucket, Key: "key" });
    const url = await getSignedUrl(ground.s3, command, { expiresIn: 60, signingDate });
    const answer = await exchange(new URL(url), "GET", {});
    expect([answer.status, codeOf(answer)]).toEqual([403, "AccessDenied"]);
  },
  "buckets: made, found, listed, removed": async (ground) => {
    const Bucket = `${ground.bucket}-more`;
    await ground.s3.send(new CreateBucketCommand({ Bucket }));
    await ground.s3.send(new HeadBucketCommand({ Bucket }));
    const { Buckets } = await ground.s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toContain(Bucket);
    await ground.s3.send(new DeleteBucketCommand({ Bucket }));
    expect((await failure(ground.s3.send(new HeadBucketCommand({ Bucket })))).status).toBe(404);
  },
  "a bucket with something in it: BucketNotEmpty": async (ground) => {
    await ground.put("key");
    const call = ground.s3.send(new DeleteBucketCommand({ Bucket: ground.bucket }));
    expect(await failure(call)).toEqual({ name: "BucketNotEmpty", status: 409 });
  },
  "a bucket with nothing but old versions: BucketNotEmpty": async (ground) => {
    await ground.version();
    await ground.put("key");
    await ground.s3.send(new DeleteObjectCommand({ Bucket: ground.bucket, Key: "key" }));
    const call = ground.s3.send(new DeleteBucketCommand({ Bucket: ground.bucket }));
    expect(await failure(call)).toEqual({ name: "BucketNotEmpty", status: 409 });
  },
  "a bucket that isn't there: NoSuchBucket": async (ground) => {
    expect(await failure(ground.s3.send(list(ground, "no-such-bucket-here")))).toEqual({
      name: "NoSuchBucket",
      status: 404,
    });
    const call = ground.s3.send(new PutObjectCommand({ Bucket: "no-such-bucket-here", Key: "key", Body: "x" }));
    expect((await failure(call)).name).toBe("NoSuchBucket");
  },
  "a bucket name that is none: InvalidBucketName": async (ground) => {
    for (const name of ["Upper", "a", "dot..dot", "-dash", "192.168.0.1"]) {
      const answer = await ground.raw({ method: "PUT" }, undefined);
      expect(answer.status).toBeGreaterThan(0);
      const call = ground.s3.send(new CreateBucketCommand({ Bucket: name }));
      expect([name, await failure(call)]).toEqual([name, { name: "InvalidBucketName", status: 400 }]);
    }
  },
  "location of a bucket": async (ground) => {
    const { LocationConstraint } = await ground.s3.send(new GetBucketLocationCommand({ Bucket: ground.bucket }));
    expect(["", undefined, "us-east-1"]).toContain(LocationConstraint);
  },
  "addressing by host name": async (ground) => {
    const { port } = new URL(ground.target.endpoint);
    await ground.put("dir/key", "hello");
    const host = `${ground.bucket}.localhost:${port}`;
    const s3 = ground.client({ endpoint: `http://localhost:${port}`, forcePathStyle: false });
    // Not every machine resolves names below localhost: the SDK's request is sent to 127.0.0.1.
    s3.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { hostname: string; headers: Record<string, string> };
        expect(request.hostname).toBe(`${ground.bucket}.localhost`);
        request.hostname = "127.0.0.1";
        request.headers["host"] = host;
        return next(args);
      },
      { step: "finalizeRequest", priority: "low", name: "to-loopback" },
    );
    const got = await s3.send(new GetObjectCommand({ Bucket: ground.bucket, Key: "dir/key" }));
    expect(await got.Body?.transformToString()).toBe("hello");
  },
  "a sub-resource that is unknown, and XML that is none": async (ground) => {
    const broken = await ground.raw({ method: "PUT", query: { versioning: "" }, body: "<Versioning" });
    expect([broken.status, codeOf(broken)]).toEqual([400, "MalformedXML"]);
  },
});
