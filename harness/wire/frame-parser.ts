import { ProtocolError } from "./errors";

/** One message of the PostgreSQL protocol; the startup packet, which has no tag, gets the tag "startup". */
export interface Message {
  readonly tag: string;
  readonly body: Buffer;
}

const MAX_STARTUP_LENGTH = 10_000;
const MAX_MESSAGE_LENGTH = 0x3fff_ffff;
/** Memory for a message is taken as its bytes come: what a client only announces costs no more than this. */
const FIRST_BODY_BYTES = 1024 * 1024;
const TAG_NAMES = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
const ENCRYPTION_REQUESTS = new Set([80877103, 80877104]);

/**
 * Cuts a byte stream into messages. A message inside one chunk shares the chunk's memory; a message over several chunks is
 * copied once into a buffer of its own, so that no byte is copied twice but those of very large messages.
 */
export class FrameParser {
  readonly #deliver: (message: Message) => void;
  #expectStartup: boolean;
  #header = Buffer.alloc(5);
  #headerFilled = 0;
  #body: Buffer | undefined;
  #bodyLength = 0;
  #bodyFilled = 0;

  constructor(options: { expectStartup: boolean; deliver: (message: Message) => void }) {
    this.#expectStartup = options.expectStartup;
    this.#deliver = options.deliver;
  }

  /** Throws ProtocolError at a length that cannot be. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      offset = this.#body === undefined ? this.#readHeader(chunk, offset) : this.#fillBody(chunk, offset);
    }
  }

  get #headerLength(): number {
    return this.#expectStartup ? 4 : 5;
  }

  #readHeader(chunk: Buffer, start: number): number {
    const wanted = this.#headerLength;
    let header = chunk;
    let headerStart = start;
    let offset = start + wanted;
    if (this.#headerFilled > 0 || offset > chunk.length) {
      const count = Math.min(wanted - this.#headerFilled, chunk.length - start);
      chunk.copy(this.#header, this.#headerFilled, start, start + count);
      this.#headerFilled += count;
      if (this.#headerFilled < wanted) return chunk.length;
      header = this.#header;
      headerStart = 0;
      offset = start + count;
      this.#headerFilled = 0;
    }
    const length = this.#announced(header.readUInt32BE(headerStart + wanted - 4));
    const tag = this.#expectStartup ? "startup" : (TAG_NAMES[header[headerStart] ?? 0] ?? "");
    if (offset + length <= chunk.length) {
      this.#complete(tag, chunk.subarray(offset, offset + length));
      return offset + length;
    }
    this.#body = Buffer.allocUnsafe(Math.min(length, FIRST_BODY_BYTES));
    this.#bodyLength = length;
    this.#bodyFilled = 0;
    this.#header[0] = tag.charCodeAt(0);
    return offset;
  }

  #announced(declared: number): number {
    const limit = this.#expectStartup ? MAX_STARTUP_LENGTH : MAX_MESSAGE_LENGTH;
    if (declared < (this.#expectStartup ? 8 : 4) || declared > limit) {
      throw new ProtocolError(`invalid message length ${declared}`);
    }
    return declared - 4;
  }

  #fillBody(chunk: Buffer, start: number): number {
    const count = Math.min(this.#bodyLength - this.#bodyFilled, chunk.length - start);
    const body = this.#withRoomFor(this.#bodyFilled + count);
    chunk.copy(body, this.#bodyFilled, start, start + count);
    this.#bodyFilled += count;
    if (this.#bodyFilled === this.#bodyLength) {
      this.#body = undefined;
      this.#complete(this.#expectStartup ? "startup" : (TAG_NAMES[this.#header[0] ?? 0] ?? ""), body);
    }
    return start + count;
  }

  #withRoomFor(bytes: number): Buffer {
    const body = this.#body ?? Buffer.alloc(0);
    if (bytes <= body.length) return body;
    const larger = Buffer.allocUnsafe(Math.min(this.#bodyLength, Math.max(bytes, 2 * body.length)));
    body.copy(larger, 0, 0, this.#bodyFilled);
    this.#body = larger;
    return larger;
  }

  #complete(tag: string, body: Buffer): void {
    // After a request for encryption, which is refused, the client sends another startup packet.
    if (this.#expectStartup && !ENCRYPTION_REQUESTS.has(body.readUInt32BE(0))) this.#expectStartup = false;
    this.#deliver({ tag, body });
  }
}
