import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Layer } from "./layer";
import { LayerMap } from "./layer-map";
import { deltaName } from "./layer-name";
import { WalStore } from "./wal-store";

let dir: string;
let layers: LayerMap;
let wal: WalStore;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "wal-store-"));
  layers = new LayerMap();
  wal = new WalStore(dir, layers);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function read(from: bigint, to: bigint): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of wal.read(from, to)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const NO_SOURCE = {
  download: () => Promise.reject(new Error("not in remote storage")),
  damaged: () => undefined,
};

function finish(end: bigint): void {
  const frozen = wal.freeze(end);
  if (frozen === undefined) throw new Error("nothing to freeze");
  const facts = { name: deltaName(frozen.start, frozen.end), fileSize: frozen.size, generation: 1 };
  const layer = new Layer(dir, facts, { resident: true, checked: true }, NO_SOURCE);
  frozen.renameTo(layer.path);
  layers.add(layer);
  wal.flushed(frozen);
}

test("a frozen layer ends at a record; the rest of the next record goes on in a new one", async () => {
  wal.append(100n, Buffer.from("recordA!"));
  wal.append(108n, Buffer.from("half"));
  finish(108n);
  wal.append(112n, Buffer.from("done"));
  expect(wal.open?.start).toBe(108n);
  expect(await read(100n, 116n)).toBe("recordA!halfdone");
  expect(await read(104n, 110n)).toBe("rdA!ha");
});

test("after a reconnection the unfinished record is written again", async () => {
  wal.append(0n, Buffer.from("recordA!wrong"));
  wal.append(8n, Buffer.from("right"));
  expect(await read(0n, 13n)).toBe("recordA!right");
});

test("a gap is refused, and WAL that is nowhere is an error", async () => {
  wal.append(0n, Buffer.from("x"));
  expect(() => wal.append(9n, Buffer.from("y"))).toThrow("outside of the open layer");
  await expect(read(0n, 5n)).rejects.toThrow("no layer holds the WAL at 0/1");
});

test("closing leaves finished layers only", () => {
  wal.append(0n, Buffer.from("recordA!"));
  finish(8n);
  wal.append(8n, Buffer.from("recordB!"));
  wal.close();
  expect(readdirSync(dir)).toHaveLength(1);
  expect(() => wal.append(16n, Buffer.from("late"))).toThrow("shut down");
});
