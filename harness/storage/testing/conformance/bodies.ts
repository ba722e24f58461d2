import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { ChecksumAlgorithm, ChecksumMode, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { sha256Hex, signChunk } from "../../s3/sigv4";
import { checks, codeOf } from "./ground";
import type { Ground, RawAnswer, RawRequest } from "./ground";

const base64 = (name: string, data: string): string => createHash(name).update(data).digest("base64");

function crc32Base64(data: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes.toString("base64");
}

/** An aws-chunked body in two chunks, unsigned, with a trailer. */
function chunkedUnsigned(trailer: string): { body: string; headers: Record<string, string> } {
  return {
    body: `3\r\nhel\r\n2\r\nlo\r\n0\r\n${trailer}\r\n\r\n`,
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-decoded-content-length": "5",
      "x-amz-trailer": "x-amz-checksum-crc32",
    },
  };
}

const sendUnsigned = (ground: Ground, trailer: string): Promise<RawAnswer> => {
  const payloadHash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
  return ground.raw({ method: "PUT", key: "key", payloadHash, ...chunkedUnsigned(trailer) });
};

/** An aws-chunked body whose chunks are signed; `spoil` changes the data after they were. */
function sendSigned(ground: Ground, spoil: (data: string) => string): Promise<RawAnswer> {
  const raw: RawRequest = {
    method: "PUT",
    key: "key",
    payloadHash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    headers: { "content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5" },
  };
  const { headers, scope, key, signature } = ground.sign(raw);
  let previous = signature.signature;
  const chunk = (data: string): string => {
    const parts = { amzDate: headers["x-amz-date"] ?? "", scope, previous, contentHash: sha256Hex(data) };
    previous = signChunk("PAYLOAD", parts, key);
    return `${data.length.toString(16)};chunk-signature=${previous}\r\n${spoil(data)}\r\n`;
  };
  const body = chunk("hel") + chunk("lo") + chunk("");
  return ground.raw({ ...raw, body }, { ...headers, "content-length": String(body.length) });
}

const put = (ground: Ground, headers: Record<string, string>): Promise<RawAnswer> =>
  ground.raw({ method: "PUT", key: "key", body: "hello", headers });

const outcome = (answer: RawAnswer): [number, string] => [answer.status, codeOf(answer)];

export const BODY_CHECKS = checks({
  ...Object.fromEntries(
    Object.values(ChecksumAlgorithm)
      .filter((name) => ["CRC32", "CRC32C", "SHA1", "SHA256"].includes(name))
      .map((name): [string, (ground: Ground) => Promise<void>] => [
        `checksum ${name}: kept, and given back when asked for`,
        async (ground) => {
          await ground.put("key", "hello", { ChecksumAlgorithm: name });
          const got = await ground.s3.send(
            new GetObjectCommand({ Bucket: ground.bucket, Key: "key", ChecksumMode: ChecksumMode.ENABLED }),
          );
          expect(await got.Body?.transformToString()).toBe("hello");
          expect(got[`Checksum${name}` as keyof typeof got]).toBeTruthy();
        },
      ]),
  ),
  "checksum CRC64NVME: checked": async (ground) => {
    expect((await put(ground, { "x-amz-checksum-crc64nvme": "M3eFcAZSQlc=" })).status).toBe(200);
    expect(outcome(await put(ground, { "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" }))).toEqual([400, "BadDigest"]);
  },
  "a body that doesn't fit its checksum: BadDigest": async (ground) => {
    expect(outcome(await put(ground, { "x-amz-checksum-crc32": "AAAAAA==" }))).toEqual([400, "BadDigest"]);
    expect((await ground.raw({ method: "GET", key: "key" })).status).toBe(404);
    expect((await put(ground, { "x-amz-checksum-crc32": crc32Base64("hello") })).status).toBe(200);
  },
  "two checksums at once: InvalidRequest": async (ground) => {
    const headers = {
      "x-amz-checksum-crc32": crc32Base64("hello"),
      "x-amz-checksum-sha256": base64("sha256", "hello"),
    };
    expect(outcome(await put(ground, headers))).toEqual([400, "InvalidRequest"]);
  },
  "Content-MD5: right, wrong, and none at all": async (ground) => {
    expect((await put(ground, { "content-md5": base64("md5", "hello") })).status).toBe(200);
    expect(outcome(await put(ground, { "content-md5": base64("md5", "other") }))).toEqual([400, "BadDigest"]);
    expect(outcome(await put(ground, { "content-md5": "nonsense" }))).toEqual([400, "InvalidDigest"]);
  },
  "x-amz-content-sha256 of other bytes: XAmzContentSHA256Mismatch": async (ground) => {
    const answer = await ground.raw({ method: "PUT", key: "key", body: "hello", payloadHash: sha256Hex("other") });
    expect(outcome(answer)).toEqual([400, "XAmzContentSHA256Mismatch"]);
  },
  "an unsigned payload": async (ground) => {
    const answer = await ground.raw({ method: "PUT", key: "key", body: "hello", payloadHash: "UNSIGNED-PAYLOAD" });
    expect(answer.status).toBe(200);
    expect(await ground.text("key")).toBe("hello");
  },
  "aws-chunked with a trailer: taken apart, and checked": async (ground) => {
    expect((await sendUnsigned(ground, `x-amz-checksum-crc32:${crc32Base64("hello")}`)).status).toBe(200);
    expect(await ground.text("key")).toBe("hello");
  },
  "aws-chunked: the encoding is not the object's": async (ground) => {
    await sendUnsigned(ground, `x-amz-checksum-crc32:${crc32Base64("hello")}`);
    const answer = await ground.raw({ method: "HEAD", key: "key" });
    expect(answer.headers["content-encoding"] ?? "").not.toContain("aws-chunked");
  },
  "aws-chunked with a wrong trailer: BadDigest": async (ground) => {
    expect(outcome(await sendUnsigned(ground, "x-amz-checksum-crc32:AAAAAA=="))).toEqual([400, "BadDigest"]);
    expect((await ground.raw({ method: "HEAD", key: "key" })).status).toBe(404);
  },
  "aws-chunked with signed chunks": async (ground) => {
    expect((await sendSigned(ground, (data) => data)).status).toBe(200);
    expect(await ground.text("key")).toBe("hello");
  },
  "aws-chunked with a chunk that was changed: SignatureDoesNotMatch": async (ground) => {
    const answer = await sendSigned(ground, (data) => data.replace("lo", "LO"));
    expect(outcome(answer)).toEqual([403, "SignatureDoesNotMatch"]);
    expect((await ground.raw({ method: "HEAD", key: "key" })).status).toBe(404);
  },
  "aws-chunked that ends too early: refused, and nothing is kept": async (ground) => {
    const payloadHash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    const { headers } = chunkedUnsigned("");
    const answer = await ground.raw({ method: "PUT", key: "key", payloadHash, headers, body: "3\r\nhel\r\n" });
    expect(answer.status).toBe(400);
    expect((await ground.raw({ method: "HEAD", key: "key" })).status).toBe(404);
  },
  "a stream of the SDK": async (ground) => {
    const body = Readable.from([Buffer.from("hel"), Buffer.from("lo")]);
    const input = { Bucket: ground.bucket, Key: "key", Body: body, ContentLength: 5 };
    await ground.s3.send(new PutObjectCommand(input));
    expect(await ground.text("key")).toBe("hello");
  },
  "no Content-Length: MissingContentLength, or a body that isn't allowed": async (ground) => {
    const answer = await ground.raw({
      method: "PUT",
      key: "key",
      payloadHash: "UNSIGNED-PAYLOAD",
      headers: { "transfer-encoding": "chunked" },
    });
    expect([411, 501]).toContain(answer.status);
  },
});
