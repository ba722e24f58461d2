import { ByteReader } from "./byte-reader";
import { ByteWriter } from "./byte-writer";
import { PgError } from "./errors";

/** One whole message: tag, length, body. */
export function frame(tag: string, body?: Buffer): Buffer {
  const length = body?.length ?? 0;
  const whole = Buffer.allocUnsafe(5 + length);
  whole[0] = tag.charCodeAt(0);
  whole.writeUInt32BE(length + 4, 1);
  body?.copy(whole, 5);
  return whole;
}

export const readyForQuery = frame("Z", Buffer.from("I"));
export const copyDone = frame("c");
/** Zero columns, text format: what Neon's nodes answer to every COPY command. */
export const emptyCopyFormat = Buffer.from([0, 0, 0]);

export const authenticationRequest = (code: number): Buffer => frame("R", new ByteWriter(4).u32be(code).finish());

export const parameterStatus = (name: string, value: string): Buffer =>
  frame("S", new ByteWriter().cstring(name).cstring(value).finish());

export const commandComplete = (tag: string): Buffer => frame("C", new ByteWriter().cstring(tag).finish());

export function errorResponse(error: PgError): Buffer {
  const body = new ByteWriter();
  for (const [key, value] of Object.entries(error.fields)) body.u8(key.charCodeAt(0)).cstring(value);
  return frame("E", body.u8(0).finish());
}

/** Reads the fields of an ErrorResponse or a NoticeResponse. */
export function parseErrorResponse(body: Buffer): PgError {
  const reader = new ByteReader(body);
  const fields: Record<string, string> = {};
  for (let key = reader.u8(); key !== 0; key = reader.u8()) fields[String.fromCharCode(key)] = reader.cstring();
  const severity = fields["V"] ?? fields["S"];
  return new PgError(fields["M"] ?? "unknown error", fields["C"] ?? "XX000", {
    severity: severity === "FATAL" || severity === "PANIC" ? "FATAL" : "ERROR",
    fields,
  });
}

const TEXT_TYPE_OID = 25;

/** Every column is of type text. */
export function rowDescription(columns: readonly string[]): Buffer {
  const body = new ByteWriter().u16be(columns.length);
  for (const column of columns) {
    body.cstring(column).u32be(0).u16be(0).u32be(TEXT_TYPE_OID).i16be(-1).i32be(-1).u16be(0);
  }
  return frame("T", body.finish());
}

export function dataRow(values: readonly (string | null)[]): Buffer {
  const body = new ByteWriter().u16be(values.length);
  for (const value of values) {
    if (value === null) {
      body.i32be(-1);
      continue;
    }
    const text = Buffer.from(value, "utf8");
    body.i32be(text.length).bytes(text);
  }
  return frame("D", body.finish());
}

export function parseRowDescription(body: Buffer): string[] {
  const reader = new ByteReader(body);
  return Array.from({ length: reader.u16be() }, () => {
    const name = reader.cstring();
    reader.bytes(18);
    return name;
  });
}

export function parseDataRow(body: Buffer): (string | null)[] {
  const reader = new ByteReader(body);
  return Array.from({ length: reader.u16be() }, () => {
    const length = reader.i32be();
    return length < 0 ? null : reader.bytes(length).toString("utf8");
  });
}
