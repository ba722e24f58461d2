import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TAR_END, tarHeader, tarPadding } from "./tar";
import { unpackTar } from "./unpack";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tar-"));
});

afterEach(() => rmSync(dir, { recursive: true }));

const FILES: Record<string, Buffer> = {
  "base/1/1259": Buffer.alloc(8192, 1),
  "base/1/empty": Buffer.alloc(0),
  "base/odd": Buffer.from("seven b"),
  kept: Buffer.from('{"lsn":"0/1"}'),
};

function archive(files = FILES): Buffer {
  const directories = ["base", "base/1"].map((name) => tarHeader({ name, kind: "directory", size: 0 }));
  const entries = Object.entries(files).flatMap(([name, bytes]) => [
    tarHeader({ name, kind: "file", size: bytes.length }),
    bytes,
    tarPadding(bytes.length),
  ]);
  return Buffer.concat([...directories, ...entries, TAR_END]);
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.each([1, 100, 511, 512, 10_000, 1 << 20])("unpacks what was packed, in pieces of %i bytes", async (size) => {
  const kept = await unpackTar(inPieces(archive(), size), dir, new Set(["kept"]));
  expect(kept.get("kept")).toEqual(FILES["kept"]);
  expect(() => statSync(join(dir, "kept"))).toThrow(/ENOENT/);
  for (const name of ["base/1/1259", "base/1/empty", "base/odd"])
    expect(readFileSync(join(dir, name))).toEqual(FILES[name]);
  expect(statSync(join(dir, "base/1")).mode & 0o777).toBe(0o700);
  expect(statSync(join(dir, "base/odd")).mode & 0o777).toBe(0o600);
});

test("the system's tar understands it", () => {
  writeFileSync(join(dir, "a.tar"), archive());
  mkdirSync(join(dir, "out"));
  execFileSync("tar", ["-xf", join(dir, "a.tar"), "-C", join(dir, "out")]);
  for (const [name, bytes] of Object.entries(FILES)) expect(readFileSync(join(dir, "out", name))).toEqual(bytes);
});

test("an archive that ends too early, a damaged header and a path that leads out are refused", async () => {
  const unpack = (bytes: Buffer): Promise<unknown> => unpackTar(inPieces(bytes, 4096), dir, new Set());
  await expect(unpack(archive().subarray(0, 9000))).rejects.toThrow(/ends too early/);
  const damaged = archive();
  damaged.writeUInt8(0x41, 520);
  await expect(unpack(damaged)).rejects.toThrow(/checksum/);
  await expect(unpack(archive({ "../outside": Buffer.from("x") }))).rejects.toThrow(/leads out/);
});
