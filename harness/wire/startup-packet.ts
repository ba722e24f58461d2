import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { PgError } from "./errors";

const SSL_REQUEST = 80877103;
const GSSENC_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const PROTOCOL_3_0 = 0x0003_0000;

export type StartupPacket =
  { kind: "encryption" } | { kind: "cancel" } | { kind: "startup"; parameters: ReadonlyMap<string, string> };

/** Throws ProtocolError or PgError when the packet is malformed or of another protocol version. */
export function parseStartupPacket(body: Buffer): StartupPacket {
  const reader = new ByteReader(body);
  const code = reader.u32be();
  if (code === SSL_REQUEST || code === GSSENC_REQUEST) return { kind: "encryption" };
  if (code === CANCEL_REQUEST) return { kind: "cancel" };
  if (code >>> 16 !== 3) {
    throw new PgError(`unsupported frontend protocol ${code >>> 16}.${code & 0xffff}`, "0A000", { severity: "FATAL" });
  }
  const parameters = new Map<string, string>();
  for (let name = reader.cstring(); name !== ""; name = reader.cstring()) parameters.set(name, reader.cstring());
  return { kind: "startup", parameters };
}

/** The whole packet, length included. */
export function encodeStartupPacket(parameters: ReadonlyMap<string, string>): Buffer {
  const packet = new ByteWriter().i32be(0).u32be(PROTOCOL_3_0);
  for (const [name, value] of parameters) packet.cstring(name).cstring(value);
  packet.u8(0);
  return packet.patchI32be(0, packet.length).finish();
}
