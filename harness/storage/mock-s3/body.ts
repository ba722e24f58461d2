import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { PayloadTerms } from "./authenticate";
import { CHECKSUMS, isChecksumName, startChecksum } from "./checksums";
import type { ChecksumName } from "./checksums";
import { ChunkedDecoder } from "./chunked-decoder";
import { S3Error } from "./errors";

export interface BodyFacts {
  size: number;
  /** Hex. */
  md5: string;
  checksum: { name: ChecksumName; value: string } | undefined;
}

const MAX_OBJECT_BYTES = 5 * 1024 ** 3;

/** A request's body: taken out of its chunks, measured, and held against every digest that came with it. */
export class RequestBody {
  readonly #raw: IncomingMessage;
  readonly #terms: PayloadTerms;
  readonly #announced: number;

  /** Throws MissingContentLength, InvalidDigest or EntityTooLarge. */
  constructor(raw: IncomingMessage, terms: PayloadTerms) {
    this.#raw = raw;
    this.#terms = terms;
    this.#announced = announcedLength(raw, terms);
    if (this.#announced > MAX_OBJECT_BYTES) throw new S3Error("EntityTooLarge");
    const md5 = raw.headers["content-md5"];
    if (md5 !== undefined && Buffer.from(String(md5), "base64").length !== 16) throw new S3Error("InvalidDigest");
  }

  /** How many bytes the client says there are. */
  get announced(): number {
    return this.#announced;
  }

  /** Gives the data to `sink`; resolves when it is all there and true, throws what S3 answers otherwise. */
  async read(sink: (data: Buffer) => Promise<void> | void): Promise<BodyFacts> {
    const decoder = this.#terms.chunked === undefined ? undefined : new ChunkedDecoder(this.#terms.chunked);
    const md5 = createHash("md5");
    const sha256 = this.#terms.sha256 === undefined ? undefined : createHash("sha256");
    const asked = askedChecksum(this.#raw);
    const checksum = asked === undefined ? undefined : startChecksum(asked.name);
    let size = 0;
    const take = async (data: Buffer): Promise<void> => {
      size += data.length;
      md5.update(data);
      sha256?.update(data);
      checksum?.update(data);
      const written = sink(data);
      if (written !== undefined) await written;
    };
    await this.#eachChunk(async (chunk) => {
      if (decoder === undefined) return take(chunk);
      for (const data of decoder.feed(chunk)) await take(data);
    });
    decoder?.finish();
    if (size !== this.#announced) throw new S3Error("IncompleteBody");
    const facts = { size, md5: md5.digest(), sha256: sha256?.digest("hex"), checksum: checksum?.digest() };
    this.#compare(facts, asked, decoder?.trailers);
    return {
      size,
      md5: facts.md5.toString("hex"),
      checksum: asked === undefined ? undefined : { name: asked.name, value: facts.checksum ?? "" },
    };
  }

  /** The whole body as text, for the small XML documents. */
  async text(limit = 2 * 1024 * 1024): Promise<{ text: string; facts: BodyFacts }> {
    const chunks: Buffer[] = [];
    if (this.#announced > limit) throw new S3Error("MalformedXML");
    const facts = await this.read((data) => void chunks.push(data));
    return { text: Buffer.concat(chunks).toString("utf8"), facts };
  }

  async #eachChunk(take: (chunk: Buffer) => Promise<void>): Promise<void> {
    try {
      for await (const chunk of this.#raw) await take(chunk as Buffer);
    } catch (error) {
      if (error instanceof S3Error || !this.#raw.destroyed || this.#raw.complete) throw error;
      throw new S3Error("IncompleteBody", { message: "The connection ended before the body did" });
    }
  }

  #compare(
    found: { md5: Buffer; sha256: string | undefined; checksum: string | undefined },
    asked: AskedChecksum | undefined,
    trailers: ReadonlyMap<string, string> | undefined,
  ): void {
    const { headers } = this.#raw;
    if (this.#terms.sha256 !== undefined && found.sha256 !== this.#terms.sha256) {
      const fields = { ClientComputedContentSHA256: this.#terms.sha256, S3ComputedContentSHA256: found.sha256 };
      throw new S3Error("XAmzContentSHA256Mismatch", { fields });
    }
    const md5 = headers["content-md5"];
    if (md5 !== undefined && found.md5.toString("base64") !== String(md5).trim()) {
      const fields = { ExpectedDigest: String(md5), CalculatedDigest: found.md5.toString("base64") };
      throw new S3Error("BadDigest", {
        message: "The Content-MD5 you specified did not match what we received.",
        fields,
      });
    }
    if (asked === undefined) return;
    const expected = asked.value ?? trailers?.get(`x-amz-checksum-${asked.name}`);
    if (expected === undefined) {
      const message = `The trailer x-amz-checksum-${asked.name} that x-amz-trailer announces did not come`;
      throw new S3Error("InvalidRequest", { message });
    }
    if (expected === found.checksum) return;
    const message = `The ${asked.name.toUpperCase()} you specified did not match the calculated checksum.`;
    throw new S3Error("BadDigest", { message });
  }
}

interface AskedChecksum {
  name: ChecksumName;
  /** Undefined: it comes as a trailer. */
  value: string | undefined;
}

function askedChecksum({ headers }: IncomingMessage): AskedChecksum | undefined {
  const given = CHECKSUMS.filter((name) => headers[`x-amz-checksum-${name}`] !== undefined);
  const trailer = /^x-amz-checksum-(\w+)$/.exec(String(headers["x-amz-trailer"] ?? "").toLowerCase())?.[1];
  if (given.length + (trailer === undefined ? 0 : 1) > 1) {
    const message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
    throw new S3Error("InvalidRequest", { message });
  }
  const [name] = given;
  if (name !== undefined) return { name, value: String(headers[`x-amz-checksum-${name}`]) };
  if (trailer === undefined) return undefined;
  if (isChecksumName(trailer)) return { name: trailer, value: undefined };
  throw new S3Error("InvalidRequest", { message: `The value specified in the x-amz-trailer header is not supported` });
}

function announcedLength({ headers, method }: IncomingMessage, terms: PayloadTerms): number {
  const text = terms.chunked === undefined ? headers["content-length"] : headers["x-amz-decoded-content-length"];
  if (text === undefined) {
    if (terms.chunked === undefined && headers["transfer-encoding"] !== undefined) {
      const fields = { Header: "Transfer-Encoding" };
      throw new S3Error("NotImplemented", { fields });
    }
    if (method === "POST" || method === "DELETE") return 0;
    throw new S3Error("MissingContentLength");
  }
  const length = Number(text);
  if (Number.isInteger(length) && length >= 0) return length;
  throw new S3Error("InvalidArgument", { message: `${String(text)} is not a length` });
}
