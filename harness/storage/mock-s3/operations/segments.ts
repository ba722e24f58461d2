import type { Segment } from "../state/types";
import type { ByteRange } from "./ranges";

/** A run of bytes inside a blob. */
export interface Slice {
  blob: number;
  start: number;
  end: number;
}

/** Where the bytes of a range of an object are. */
export function slicesOf(segments: readonly Segment[], { start, end }: ByteRange): Slice[] {
  const slices: Slice[] = [];
  let at = 0;
  for (const { blob, size, offset = 0 } of segments) {
    const [from, to] = [Math.max(start, at), Math.min(end, at + size)];
    if (from < to) slices.push({ blob, start: offset + from - at, end: offset + to - at });
    at += size;
  }
  return slices;
}

/** The same as segments of a new object, which shares the bytes. */
export function sliceSegments(segments: readonly Segment[], range: ByteRange): Segment[] {
  return slicesOf(segments, range).map(({ blob, start, end }) => ({ blob, size: end - start, offset: start }));
}
