import { createReadStream } from "node:fs";
import { continueCrc32c } from "../../wal/crc32c";

const CHUNK = 1024 * 1024;

/** CRC-32C of a whole file. */
export async function fileChecksum(path: string): Promise<number> {
  let checksum = 0;
  for await (const piece of createReadStream(path, { highWaterMark: CHUNK })) {
    checksum = continueCrc32c(checksum, piece as Buffer);
  }
  return checksum;
}
