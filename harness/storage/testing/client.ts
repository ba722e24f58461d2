import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { S3Keys } from "../mock-s3/authenticate";

/** The AWS SDK with one bucket, for tests: few words, and no retries that would hide a fault. */
export class TestBucket implements Disposable {
  readonly s3: S3Client;
  readonly bucket: string;

  constructor(server: { endpoint: string; keys: S3Keys; region: string }, bucket = "bucket") {
    const { endpoint, keys, region } = server;
    this.s3 = new S3Client({ endpoint, region, credentials: { ...keys }, forcePathStyle: true, maxAttempts: 1 });
    this.bucket = bucket;
  }

  async create(): Promise<this> {
    await this.s3.send(new CreateBucketCommand({ Bucket: this.bucket }));
    return this;
  }

  async put(Key: string, Body: string | Buffer): Promise<string | undefined> {
    return (await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body }))).VersionId;
  }

  async bytes(Key: string): Promise<Buffer> {
    const answer = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key }));
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  }

  async text(key: string): Promise<string> {
    return (await this.bytes(key)).toString();
  }

  async delete(Key: string): Promise<void> {
    await this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key }));
  }

  async keys(Prefix = ""): Promise<(string | undefined)[]> {
    const { Contents } = await this.s3.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix }));
    return Contents?.map(({ Key }) => Key) ?? [];
  }

  [Symbol.dispose](): void {
    this.s3.destroy();
  }
}
