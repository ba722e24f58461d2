import { S3Error } from "../errors";
import type { ObjectVersion } from "../state/types";

export interface ByteRange {
  start: number;
  /** Exclusive. */
  end: number;
}

/**
 * What a `Range` header asks for; undefined when it is to be ignored (not in bytes, several, or nonsense). Throws
 * InvalidRange when the object has none of it.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const range =
    first === ""
      ? { start: Math.max(0, size - Number(last)), end: size }
      : { start: Number(first), end: last === "" ? size : Math.min(size, Number(last) + 1) };
  if (range.start < range.end) return range;
  throw new S3Error("InvalidRange", { fields: { RangeRequested: header, ActualObjectSize: size } });
}

/** The bytes of one part of an object that was uploaded in parts, the whole of another one; throws InvalidRange. */
export function partRange({ partSizes, size }: ObjectVersion, number: number): ByteRange {
  const sizes = partSizes ?? [size];
  const part = sizes[number - 1];
  if (part === undefined) {
    const message = "The requested partnumber is not satisfiable";
    throw new S3Error("InvalidRange", { message, fields: { PartNumberRequested: number } });
  }
  const start = sizes.slice(0, number - 1).reduce((sum, each) => sum + each, 0);
  return { start, end: start + part };
}
