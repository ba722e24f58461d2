import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { encodeKey } from "./encoding";
import { SignedRequests } from "./request";
import type { S3Access, S3Call } from "./request";
import { parseXml, writeDocument, writeFields } from "./xml";
import type { XmlElement } from "./xml";

/** S3 said no; `code` is S3's own. */
export class S3Failure extends Error {
  readonly code: string;
  readonly status: number;

  constructor(call: S3Call, status: number, code: string, message: string) {
    super(`${call.method} ${call.key || "bucket"}: ${code}: ${message} (HTTP ${status})`);
    this.name = "S3Failure";
    this.code = code;
    this.status = status;
  }
}

export interface S3ClientOptions {
  /** How long one request may take, its body included, in ms. */
  timeoutMs: number;
  /** How many requests may be under way at a time; the others wait. */
  concurrency: number;
  /** Fewer than the 1000 that S3 gives, to test pages. */
  maxKeysPerList?: number | undefined;
  /** When it is aborted, the node is about to end: no request may take more than 3 s from then on. */
  hurry?: AbortSignal | undefined;
}

export interface ListedVersion {
  key: string;
  versionId: string;
  /** ms since 1970. */
  lastModified: number;
  isDeleteMarker: boolean;
}

const DELETE_AT_ONCE = 1000;
const HURRIED_MS = 3_000;

/**
 * The few calls that the embedded engine's nodes need, without retries. The AWS SDK would cost each node 80 ms of CPU and
 * 17 MB at its start, which is as much again as the node itself takes.
 */
export class SmallS3Client {
  readonly #requests: SignedRequests;
  readonly #bucket: string;
  readonly #options: S3ClientOptions;
  readonly #waiting: (() => void)[] = [];
  readonly #underWay = new Set<AbortController>();
  #free: number;

  constructor(access: S3Access, options: S3ClientOptions) {
    this.#requests = new SignedRequests(access, { connections: options.concurrency });
    this.#bucket = access.bucket;
    this.#options = options;
    this.#free = options.concurrency;
    options.hurry?.addEventListener("abort", () => {
      for (const request of this.#underWay) setTimeout(() => request.abort(), HURRIED_MS).unref();
    });
  }

  async put(key: string, body: Buffer): Promise<void> {
    await this.#call({ method: "PUT", key, body });
  }

  /** Uploads the first `length` bytes of a file. */
  async putFile(key: string, path: string, length: number): Promise<void> {
    const stream = (): Readable => createReadStream(path, length === 0 ? { end: 0 } : { end: length - 1 });
    await this.#call({ method: "PUT", key, body: length === 0 ? Buffer.alloc(0) : { stream, length } });
  }

  /** Undefined when there is no such object. */
  async get(key: string): Promise<Buffer | undefined> {
    return this.#orMissing(() => this.#call({ method: "GET", key }));
  }

  /** Gives the object's body to `take`; throws S3Failure NoSuchKey when there is none. */
  async getInto(key: string, take: (body: Readable) => Promise<void>): Promise<void> {
    const call: S3Call = { method: "GET", key };
    await this.#limited(async (signal) => {
      const answer = await this.#requests.send(call, signal);
      if (answer.statusCode !== 200) throw await failureOf(call, answer);
      await take(answer);
      if (!answer.complete) throw new Error(`GET ${key}: the body ended too early`);
    });
  }

  /** All pages. With a delimiter only what is directly below the prefix; prefixes end with it. */
  async list(prefix: string, delimiter?: string): Promise<{ keys: string[]; prefixes: string[] }> {
    const keys: string[] = [];
    const prefixes: string[] = [];
    const query = { "list-type": "2", prefix, ...(delimiter === undefined ? {} : { delimiter }), ...this.#maxKeys() };
    let token: string | undefined;
    do {
      const page = await this.#xml({ ...query, ...(token === undefined ? {} : { "continuation-token": token }) });
      keys.push(...page.all("Contents").map((object) => object.value("Key") ?? ""));
      prefixes.push(...page.all("CommonPrefixes").map((common) => common.value("Prefix") ?? ""));
      token = page.value("NextContinuationToken");
    } while (token !== undefined);
    return { keys, prefixes };
  }

  /** Every version and delete marker, by key, newest first. */
  async listVersions(prefix: string): Promise<ListedVersion[]> {
    const versions: ListedVersion[] = [];
    let markers: Record<string, string> = {};
    for (;;) {
      const page = await this.#xml({ versions: "", prefix, ...this.#maxKeys(), ...markers });
      for (const element of page.children) {
        if (element.name === "Version" || element.name === "DeleteMarker") versions.push(versionOf(element));
      }
      if (page.value("IsTruncated") !== "true") return versions;
      const [key, versionId] = [page.value("NextKeyMarker"), page.value("NextVersionIdMarker")];
      markers = { "key-marker": key ?? "", ...(versionId === undefined ? {} : { "version-id-marker": versionId }) };
    }
  }

  async copy(from: string, to: string, versionId?: string): Promise<void> {
    const version = versionId === undefined ? "" : `?versionId=${encodeURIComponent(versionId)}`;
    const source = `${encodeKey(`${this.#bucket}/${from}`)}${version}`;
    const call: S3Call = { method: "PUT", key: to, headers: { "x-amz-copy-source": source } };
    const result = parseXml((await this.#call(call)).toString("utf8"));
    // S3 begins its answer before it knows how the copy ends.
    if (result.name !== "Error") return;
    throw new S3Failure(call, 200, result.value("Code") ?? "unknown", result.value("Message") ?? "");
  }

  /** Those that aren't there are fine. */
  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETE_AT_ONCE)
      await this.#deleteSome(keys.slice(at, at + DELETE_AT_ONCE));
  }

  close(): void {
    this.#requests.close();
  }

  async #deleteSome(keys: readonly string[]): Promise<void> {
    const inner = writeFields({ Object: keys.map((key) => ({ Key: key })), Quiet: true });
    const body = Buffer.from(writeDocument("Delete", inner));
    const digest = createHash("md5").update(body).digest("base64");
    const call: S3Call = { method: "POST", key: "", query: { delete: "" }, headers: { "content-md5": digest }, body };
    const errors = parseXml((await this.#call(call)).toString("utf8")).all("Error");
    const [first] = errors;
    if (first === undefined) return;
    const text = `${errors.length} of ${keys.length} keys, ${first.value("Key")}: ${first.value("Message")}`;
    throw new S3Failure(call, 200, first.value("Code") ?? "unknown", text);
  }

  #maxKeys(): Record<string, string> {
    const { maxKeysPerList } = this.#options;
    return maxKeysPerList === undefined ? {} : { "max-keys": String(maxKeysPerList) };
  }

  async #xml(query: Record<string, string>): Promise<XmlElement> {
    return parseXml((await this.#call({ method: "GET", key: "", query })).toString("utf8"));
  }

  /** The body of an answer of 200 or 204; throws S3Failure for any other. */
  #call(call: S3Call): Promise<Buffer> {
    return this.#limited(async (signal) => {
      const answer = await this.#requests.send(call, signal);
      if (answer.statusCode !== 200 && answer.statusCode !== 204) throw await failureOf(call, answer);
      return readAll(answer);
    });
  }

  async #orMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof S3Failure && error.code === "NoSuchKey") return undefined;
      throw error;
    }
  }

  async #limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    const { timeoutMs, hurry } = this.#options;
    const request = new AbortController();
    const timer = setTimeout(() => request.abort(), hurry?.aborted === true ? HURRIED_MS : timeoutMs);
    this.#underWay.add(request);
    try {
      return await work(request.signal);
    } catch (error) {
      throw request.signal.aborted ? new Error("timeout: the request took too long", { cause: error }) : error;
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(request);
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  if (!answer.complete) throw new Error("the body ended too early");
  return Buffer.concat(chunks);
}

async function failureOf(call: S3Call, answer: IncomingMessage): Promise<S3Failure> {
  const status = answer.statusCode ?? 0;
  const text = (await readAll(answer)).toString("utf8");
  const [code, message] = [/<Code>([^<]*)/.exec(text)?.[1], /<Message>([^<]*)/.exec(text)?.[1]];
  return new S3Failure(call, status, code ?? "unknown", message ?? text.slice(0, 200));
}

function versionOf(element: XmlElement): ListedVersion {
  return {
    key: element.value("Key") ?? "",
    versionId: element.value("VersionId") ?? "",
    lastModified: Date.parse(element.value("LastModified") ?? ""),
    isDeleteMarker: element.name === "DeleteMarker",
  };
}
