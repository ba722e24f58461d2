import { createHash } from "node:crypto";
import { signChunk, sha256Hex } from "../s3/sigv4";
import type { ChunkSigning } from "./authenticate";
import { S3Error } from "./errors";

type State = "head" | "data" | "data-end" | "trailers" | "end";

const MAX_LINE = 4096;

/**
 * Takes an aws-chunked body apart: `<hex size>[;chunk-signature=…]\r\n<data>\r\n`, an empty chunk, then trailers. Signed
 * chunks are checked one by one, and each signature goes on from the one before.
 */
export class ChunkedDecoder {
  readonly trailers = new Map<string, string>();
  readonly #signing: ChunkSigning | undefined;
  readonly #expectsTrailers: boolean;
  #state: State = "head";
  #line = "";
  #left = 0;
  #signature = "";
  #previous: string;
  #hash = createHash("sha256");
  #trailerText = "";

  constructor(terms: { signed?: ChunkSigning; trailers: boolean }) {
    this.#signing = terms.signed;
    this.#expectsTrailers = terms.trailers;
    this.#previous = terms.signed?.seed ?? "";
  }

  /** The data in these bytes; throws IncompleteBody, InvalidRequest or SignatureDoesNotMatch. */
  *feed(bytes: Buffer): Generator<Buffer> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#state === "end") throw broken("there are bytes after the last chunk");
      if (this.#state === "data") {
        const data = rest.subarray(0, this.#left);
        rest = rest.subarray(data.length);
        this.#left -= data.length;
        if (this.#signing !== undefined) this.#hash.update(data);
        if (this.#left === 0) this.#endChunk();
        yield data;
      } else {
        rest = this.#takeLine(rest);
      }
    }
  }

  /** To call at the end of the body. */
  finish(): void {
    if (this.#state !== "end")
      throw new S3Error("IncompleteBody", { message: "The request body terminated unexpectedly" });
  }

  #takeLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf(10);
    this.#line += bytes.toString("latin1", 0, end === -1 ? bytes.length : end + 1);
    if (this.#line.length > MAX_LINE) throw broken("a chunk's first line is too long");
    if (end === -1) return bytes.subarray(bytes.length);
    const line = this.#line.replace(/\r?\n$/, "");
    this.#line = "";
    this.#onLine(line);
    return bytes.subarray(end + 1);
  }

  #onLine(line: string): void {
    if (this.#state === "head") return this.#startChunk(line);
    if (this.#state === "data-end") {
      if (line !== "") throw broken("a chunk is longer than it says");
      this.#state = "head";
      return;
    }
    if (line === "") return this.#endTrailers();
    const colon = line.indexOf(":");
    if (colon === -1) throw broken("a trailer has no name");
    const [name, value] = [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    this.trailers.set(name, value);
    if (name !== "x-amz-trailer-signature") this.#trailerText += `${name}:${value}\n`;
  }

  #startChunk(line: string): void {
    const match = /^([0-9a-f]+)(?:;chunk-signature=([0-9a-f]{64}))?\s*$/i.exec(line);
    if (match === null) throw broken(`a chunk starts with ${JSON.stringify(line.slice(0, 40))}`);
    this.#left = Number.parseInt(match[1] ?? "", 16);
    this.#signature = match[2] ?? "";
    if (this.#left > 0) {
      this.#state = "data";
      return;
    }
    this.#checkSignature();
    this.#state = "trailers";
  }

  #endChunk(): void {
    this.#checkSignature();
    this.#state = "data-end";
  }

  #checkSignature(): void {
    if (this.#signing === undefined) return;
    const contentHash = this.#hash.digest("hex");
    this.#hash = createHash("sha256");
    this.#compare("PAYLOAD", contentHash, this.#signature);
  }

  #endTrailers(): void {
    this.#state = "end";
    if (this.#signing === undefined || !this.#expectsTrailers) return;
    this.#compare("TRAILER", sha256Hex(this.#trailerText), this.trailers.get("x-amz-trailer-signature") ?? "");
  }

  #compare(kind: "PAYLOAD" | "TRAILER", contentHash: string, signature: string): void {
    if (this.#signing === undefined) return;
    const { key, scope, amzDate } = this.#signing;
    const expected = signChunk(kind, { amzDate, scope, previous: this.#previous, contentHash }, key);
    if (expected !== signature) throw new S3Error("SignatureDoesNotMatch");
    this.#previous = signature;
  }
}

const broken = (what: string): S3Error =>
  new S3Error("InvalidRequest", { message: `The body is not aws-chunked: ${what}` });
