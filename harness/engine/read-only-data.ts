import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

const SECTION_HEADER_BYTES = 64;

interface Section {
  name: number;
  offset: number;
  size: number;
}

/** The constants that were compiled into a 64-bit ELF program (`.rodata`); undefined for what is none. */
export async function readOnlyData(path: string): Promise<Buffer | undefined> {
  const file = await open(path, "r");
  try {
    const header = await bytesAt(file, 0, 64);
    const isElf64 = header.length === 64 && header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
    if (!isElf64) return undefined;
    const sections = await sectionsOf(file, header);
    const names = sections[header.readUInt16LE(0x3e)];
    const text = names === undefined ? Buffer.alloc(0) : await bytesAt(file, names.offset, names.size);
    const rodata = sections.find(({ name }) => text.toString("latin1", name, name + 8) === ".rodata\0");
    return rodata === undefined ? undefined : await bytesAt(file, rodata.offset, rodata.size);
  } finally {
    await file.close();
  }
}

async function sectionsOf(file: FileHandle, header: Buffer): Promise<Section[]> {
  const [offset, count] = [Number(header.readBigUInt64LE(0x28)), header.readUInt16LE(0x3c)];
  const table = await bytesAt(file, offset, count * SECTION_HEADER_BYTES);
  return Array.from({ length: Math.floor(table.length / SECTION_HEADER_BYTES) }, (_, index) => {
    const at = index * SECTION_HEADER_BYTES;
    return {
      name: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 0x18)),
      size: Number(table.readBigUInt64LE(at + 0x20)),
    };
  });
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
