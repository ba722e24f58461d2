import {
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import type { ObjectIdentifier, S3Client } from "@aws-sdk/client-s3";
import { HarnessError } from "../types";
import type { RemoteObject } from "./object-storage";
import { RemoteStorage } from "./remote-storage";
import { saveObjects } from "./save-objects";

/** A pair of keys and, where they are temporary, their token. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface S3Place {
  readonly kind: "mock_s3" | "real_s3";
  readonly bucket: string;
  readonly region: string;
  /** Undefined: that of AWS. */
  readonly endpoint: string | undefined;
  /** In the bucket, without a slash at either end; "" is the whole bucket. */
  readonly prefix: string;
}

/** What the owner of a whole bucket does otherwise. */
export interface OwnBucket {
  /** Removes all of it at once. */
  forget: () => Promise<void>;
  keepVersions?: () => Promise<void>;
}

const DELETE_AT_ONCE = 1000;

/** A bucket, or a prefix in one, as object store. */
export class S3Storage extends RemoteStorage {
  readonly kind: "mock_s3" | "real_s3";
  readonly place: S3Place;
  readonly client: S3Client;
  readonly #credentials: AwsCredentials;
  readonly #own: OwnBucket | undefined;
  #endpointOfNodes: string | undefined;

  /** `own`: the whole bucket is the test's. */
  constructor(place: S3Place, client: S3Client, credentials: AwsCredentials, own?: OwnBucket) {
    super();
    this.kind = place.kind;
    this.place = place;
    this.client = client;
    this.#credentials = credentials;
    this.#own = own;
  }

  override get endpoint(): string | undefined {
    return this.place.endpoint;
  }

  override nodesReachItAt(endpoint: string): void {
    this.#endpointOfNodes = endpoint;
  }

  describe(): string {
    const { bucket, prefix, endpoint, region } = this.place;
    return `bucket ${bucket}${prefix === "" ? "" : `, prefix ${prefix}`}, ${endpoint ?? region}`;
  }

  toml(): Record<string, unknown> {
    const { bucket, region, prefix } = this.place;
    const endpoint = this.#endpointOfNodes ?? this.endpoint;
    return {
      bucket_name: bucket,
      bucket_region: region,
      ...(prefix === "" ? {} : { prefix_in_bucket: prefix }),
      ...(endpoint === undefined ? {} : { endpoint }),
    };
  }

  environment(): Record<string, string> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials;
    return {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    };
  }

  async release({ saveTo }: { saveTo?: string } = {}): Promise<void> {
    if (saveTo !== undefined) await saveObjects(this, saveTo);
    if (this.#own !== undefined) await this.#own.forget();
    else await this.removeEverything();
  }

  async list(prefix: string): Promise<RemoteObject[]> {
    const input = { Bucket: this.place.bucket, Prefix: this.#full(prefix) };
    const objects: RemoteObject[] = [];
    for await (const page of paginateListObjectsV2({ client: this.client }, input)) {
      for (const { Key = "", Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        objects.push({ key: Key.slice(this.#full("").length), size: Size, lastModified: LastModified });
      }
    }
    return objects;
  }

  async find(key: string): Promise<Buffer | undefined> {
    try {
      const answer = await this.client.send(new GetObjectCommand({ Bucket: this.place.bucket, Key: this.#full(key) }));
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async write(key: string, bytes: Buffer | string): Promise<void> {
    await this.client.send(
      new PutObjectCommand({ Bucket: this.place.bucket, Key: this.#full(key), Body: Buffer.from(bytes) }),
    );
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#deleteAll(keys.map((key) => ({ Key: this.#full(key) })));
  }

  /** Objects and, where the bucket keeps them, all their versions; never anything outside of the prefix. */
  async removeEverything(): Promise<void> {
    await this.#deleteAll((await this.list("")).map(({ key }) => ({ Key: this.#full(key) })));
    const { Status } = await this.client.send(new GetBucketVersioningCommand({ Bucket: this.place.bucket }));
    if (Status !== undefined) await this.#deleteAll(await this.#versions());
  }

  /**
   * Makes the bucket keep versions, where it is the test's own. One of somebody's cloud must do so already: throws
   * REMOTE_STORAGE_UNUSABLE.
   */
  override async enableVersioning(): Promise<void> {
    const { bucket: Bucket } = this.place;
    if (this.#own?.keepVersions !== undefined) return this.#own.keepVersions();
    if (this.#own !== undefined) {
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await this.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      return;
    }
    const { Status } = await this.client.send(new GetBucketVersioningCommand({ Bucket }));
    if (Status === "Enabled") return;
    throw new HarnessError("REMOTE_STORAGE_UNUSABLE", {
      summary: `the bucket ${Bucket} keeps no versions, and this test needs them`,
      expected: "versioning to be enabled",
      found: `versioning ${Status?.toLowerCase() ?? "was never enabled"}`,
      todo: `run \`aws s3api put-bucket-versioning --bucket ${Bucket} --versioning-configuration Status=Enabled\`, or name another bucket in REMOTE_STORAGE_S3_BUCKET`,
    });
  }

  async #versions(): Promise<ObjectIdentifier[]> {
    const found: ObjectIdentifier[] = [];
    let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (;;) {
      const input = { Bucket: this.place.bucket, Prefix: this.#full(""), ...markers };
      const page = await this.client.send(new ListObjectVersionsCommand(input));
      for (const { Key, VersionId } of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
        if (Key !== undefined) found.push({ Key, VersionId });
      }
      if (page.IsTruncated !== true) return found;
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
  }

  async #deleteAll(objects: readonly ObjectIdentifier[]): Promise<void> {
    const own = this.#full("");
    const stranger = objects.find(({ Key }) => Key === undefined || !Key.startsWith(own));
    if (stranger !== undefined) {
      throw new HarnessError("MISUSE", {
        summary: "an object outside of the test's own prefix would have been deleted",
        expected: `keys below ${own}`,
        found: stranger.Key ?? "no key",
      });
    }
    for (let at = 0; at < objects.length; at += DELETE_AT_ONCE) {
      const Delete = { Objects: objects.slice(at, at + DELETE_AT_ONCE), Quiet: true };
      const { Errors = [] } = await this.client.send(new DeleteObjectsCommand({ Bucket: this.place.bucket, Delete }));
      const [first] = Errors;
      if (first === undefined) continue;
      throw new HarnessError("COMMAND_FAILED", {
        summary: `${Errors.length} objects could not be deleted from ${this.describe()}`,
        found: `${first.Key}: ${first.Code} ${first.Message}`,
      });
    }
  }

  #full(key: string): string {
    return this.place.prefix === "" ? key : `${this.place.prefix}/${key}`;
  }
}
