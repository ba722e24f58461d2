import { createHash } from "node:crypto";
import { request } from "node:http";
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { PutObjectCommandInput, S3ClientConfig } from "@aws-sdk/client-s3";
import { encodeKey, encodeQuery } from "../../s3/encoding";
import { signingKey, signRequest } from "../../s3/sigv4";
import type { RequestSignature, SigningScope } from "../../s3/sigv4";

/** A server that the checks run against. */
export interface Target {
  name: string;
  endpoint: string;
  region: string;
  keys: { accessKeyId: string; secretAccessKey: string };
}

export interface RawRequest {
  method: string;
  /** `/key` in the ground's bucket. */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Default: the hash of the body. */
  payloadHash?: string;
  signed?: boolean;
  date?: Date;
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** What a check works with: a bucket of its own, the AWS SDK, and requests that no SDK would send. */
export class Ground {
  readonly target: Target;
  readonly bucket: string;
  readonly s3: S3Client;
  readonly #clients: S3Client[] = [];

  private constructor(target: Target, bucket: string, s3: S3Client) {
    this.target = target;
    this.bucket = bucket;
    this.s3 = s3;
  }

  /** `s3` is that of the target, for all its checks. */
  static async make(target: Target, bucket: string, s3: S3Client): Promise<Ground> {
    const ground = new Ground(target, bucket, s3);
    await ground.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    return ground;
  }

  /** Another client than the usual one. */
  client(config: S3ClientConfig): S3Client {
    const client = clientOf(this.target, config);
    this.#clients.push(client);
    return client;
  }

  async put(key: string, body: PutObjectCommandInput["Body"] = "x", more: Partial<PutObjectCommandInput> = {}) {
    return this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body, ...more }));
  }

  async putAll(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.put(key);
  }

  async text(key: string, VersionId?: string): Promise<string> {
    const input = { Bucket: this.bucket, Key: key, ...(VersionId === undefined ? {} : { VersionId }) };
    const answer = await this.s3.send(new GetObjectCommand(input));
    return (await answer.Body?.transformToString()) ?? "";
  }

  async version(status: "Enabled" | "Suspended" = "Enabled"): Promise<void> {
    const VersioningConfiguration = { Status: status };
    await this.s3.send(new PutBucketVersioningCommand({ Bucket: this.bucket, VersioningConfiguration }));
  }

  /** How a request would be signed: for those that sign their chunks, too. */
  sign(raw: RawRequest): {
    headers: Record<string, string>;
    signature: RequestSignature;
    scope: SigningScope;
    key: Buffer;
  } {
    const amzDate = (raw.date ?? new Date()).toISOString().replace(/[-:]|\.\d+/g, "");
    const scope = { date: amzDate.slice(0, 8), region: this.target.region, service: "s3" };
    const payloadHash =
      raw.payloadHash ??
      createHash("sha256")
        .update(raw.body ?? "")
        .digest("hex");
    const headers: Record<string, string> = {
      host: new URL(this.target.endpoint).host,
      "x-amz-date": amzDate,
      "x-amz-content-sha256": payloadHash,
      ...raw.headers,
    };
    const names = Object.keys(headers).sort();
    const key = signingKey(this.target.keys.secretAccessKey, scope);
    const parts = {
      method: raw.method,
      path: this.#path(raw),
      query: Object.entries(raw.query ?? {}),
      headers: names.map((name): [string, string] => [name, headers[name] ?? ""]),
      payloadHash,
    };
    const signature = signRequest(parts, scope, amzDate, key);
    const credential = `${this.target.keys.accessKeyId}/${scope.date}/${scope.region}/s3/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature.signature}`;
    return { headers: { ...headers, authorization }, signature, scope, key };
  }

  /** Sends a request exactly as it is given; with `signed: false` without a signature. */
  raw(raw: RawRequest, prepared?: Record<string, string>): Promise<RawAnswer> {
    const headers = prepared ?? (raw.signed === false ? (raw.headers ?? {}) : this.sign(raw).headers);
    const query = encodeQuery(Object.entries(raw.query ?? {}));
    const url = new URL(`${encodeKey(this.#path(raw))}${query === "" ? "" : `?${query}`}`, this.target.endpoint);
    const length: Record<string, string> =
      raw.body === undefined ? {} : { "content-length": String(Buffer.byteLength(raw.body)) };
    return exchange(url, raw.method, { ...length, ...headers }, raw.body);
  }

  destroy(): void {
    for (const client of this.#clients) client.destroy();
  }

  #path({ key }: RawRequest): string {
    return key === undefined ? `/${this.bucket}` : `/${this.bucket}/${key}`;
  }
}

export function clientOf({ endpoint, region, keys }: Target, config: S3ClientConfig = {}): S3Client {
  return new S3Client({ endpoint, region, credentials: keys, forcePathStyle: true, maxAttempts: 1, ...config });
}

/** One request on a connection of its own. */
export function exchange(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body?: Buffer | string,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** One thing that S3 does. */
export interface Check {
  name: string;
  run: (ground: Ground) => Promise<void>;
}

/** The rows of a table: name and check. */
export const checks = (rows: Record<string, Check["run"]>): Check[] =>
  Object.entries(rows).map(([name, run]) => ({ name, run }));

/** What an SDK call fails with; throws when it succeeds. */
export async function failure(call: Promise<unknown>): Promise<{ name: string; status: number | undefined }> {
  try {
    await call;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return { name, status: $metadata?.httpStatusCode };
  }
  throw new Error("the call succeeded, and should have failed");
}

/** The code in an error's XML. */
export const codeOf = ({ body }: RawAnswer): string => /<Code>(\w+)<\/Code>/.exec(body.toString())?.[1] ?? "";
