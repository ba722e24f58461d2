import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { crc32c } from "@node-rs/crc32";
import { Crc64Nvme } from "./crc64-nvme";

/** The algorithms of S3's `x-amz-checksum-<name>` headers. */
export const CHECKSUMS = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"] as const;
export type ChecksumName = (typeof CHECKSUMS)[number];

interface Running {
  update(chunk: Buffer): void;
  /** Base64, as the headers have it. */
  digest(): string;
}

function crc(next: (chunk: Buffer, before: number) => number): Running {
  let value = 0;
  return {
    update: (chunk) => void (value = next(chunk, value) >>> 0),
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes.toString("base64");
    },
  };
}

function hash(name: "sha1" | "sha256"): Running {
  const running = createHash(name);
  return { update: (chunk) => void running.update(chunk), digest: () => running.digest("base64") };
}

export function startChecksum(name: ChecksumName): Running {
  switch (name) {
    case "crc32":
      return crc((chunk, before) => crc32(chunk, before));
    case "crc32c":
      return crc((chunk, before) => crc32c(chunk, before));
    case "crc64nvme":
      return new Crc64Nvme();
    default:
      return hash(name);
  }
}

export const isChecksumName = (name: string): name is ChecksumName => (CHECKSUMS as readonly string[]).includes(name);
