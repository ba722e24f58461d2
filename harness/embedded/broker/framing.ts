/** Puts gRPC's prefix (not compressed, length) before a message. */
export function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Cuts a gRPC byte stream into messages. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** The messages that these bytes complete. Throws for a compressed message, which nobody asked for. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const messages: Buffer[] = [];
    while (this.#pending.length >= 5) {
      if (this.#pending[0] !== 0) throw new Error("compressed gRPC messages are not supported");
      const end = 5 + this.#pending.readUInt32BE(1);
      if (this.#pending.length < end) break;
      messages.push(this.#pending.subarray(5, end));
      this.#pending = this.#pending.subarray(end);
    }
    return messages;
  }
}

/** The gRPC status codes that the broker uses. */
export const GRPC_STATUS = { OK: 0, UNKNOWN: 2, INVALID_ARGUMENT: 3, UNIMPLEMENTED: 12 } as const;

export const SERVICE_PATH = "/storage_broker.BrokerService/";
