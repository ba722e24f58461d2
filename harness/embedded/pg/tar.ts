/** ustar, as far as a data directory needs it: directories and plain files with names of at most 100 bytes. */
export const TAR_BLOCK = 512;

export interface TarEntry {
  name: string;
  kind: "file" | "directory";
  size: number;
}

/** The two empty blocks that end an archive. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

const FIELD = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  magic: 257,
} as const;

/** Bytes that fill the last block of a file. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);

export function tarHeader(entry: TarEntry): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  const name = entry.kind === "directory" ? `${entry.name}/` : entry.name;
  if (Buffer.byteLength(name) > 100) throw new Error(`the name is too long for this tar: ${name}`);
  block.write(name, FIELD.name);
  const octal = (value: number, offset: number, width: number): void => {
    block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, "latin1");
  };
  octal(entry.kind === "directory" ? 0o700 : 0o600, FIELD.mode, 8);
  octal(0, FIELD.uid, 8);
  octal(0, FIELD.gid, 8);
  octal(entry.size, FIELD.size, 12);
  octal(0, FIELD.mtime, 12);
  block.write(entry.kind === "directory" ? "5" : "0", FIELD.type);
  block.write("ustar\u000000", FIELD.magic, "latin1");
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, FIELD.checksum, "latin1");
  return block;
}

/** Undefined for an empty block; throws when the block is no header. */
export function parseTarHeader(block: Buffer): TarEntry | undefined {
  if (block[0] === 0) return undefined;
  const text = (offset: number, width: number): string => {
    const end = block.indexOf(0, offset);
    return block.toString("utf8", offset, end === -1 ? offset + width : Math.min(end, offset + width));
  };
  if (checksum(block) !== Number.parseInt(text(FIELD.checksum, 8), 8)) throw new Error("tar: wrong header checksum");
  const name = text(FIELD.name, 100).replace(/\/$/, "");
  const kind = block.toString("latin1", FIELD.type, FIELD.type + 1) === "5" ? "directory" : "file";
  return { name, kind, size: Number.parseInt(text(FIELD.size, 12), 8) };
}

/** The checksum field itself counts as blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < TAR_BLOCK; index += 1) {
    const inField = index >= FIELD.checksum && index < FIELD.checksum + 8;
    if (!inField) sum += block[index] ?? 0;
  }
  return sum;
}
