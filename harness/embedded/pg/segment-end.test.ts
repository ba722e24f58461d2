import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { cacheDir, distribution, giveToNodes, identity, makeTestDirectory } from "../../testing";
import { Lsn } from "../../types";
import { streamBase, unpackBase } from "./base-tar";
import { bootstrapImage, readImageManifest } from "./image";
import { materialize } from "./materialize";
import { giveTree, scalar, walIn, withServer } from "./testing/server";

const PAGE = 8192;
test.for([
  { left: 16, name: "its checkpoint begins in one segment and ends in the next" },
  { left: 512, name: "its checkpoint is the last record of a segment, and there is no next" },
])("a recovery may end so near a segment's end that $name", async ({ left }) => {
  const root = makeTestDirectory("segment-end");
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const imageFile = join(root, "image");
  await bootstrapImage({ distribution: distribution(17), cacheDir, outFile: imageFile, identity });
  const { lsn: imageLsn, walSegSize } = await readImageManifest(imageFile);
  const dataDir = directory(root, "load");
  const wal = walIn(join(dataDir, "pg_wal"));
  await unpackBase(streamBase({ imageFile, wal, lsn: Lsn.parse(imageLsn) }), dataDir);
  await giveTree(dataDir);
  let lsn = 0n as Lsn;
  await withServer(dataDir, async (client) => {
    lsn = await fillSegment(client, walSegSize, left);
    // A commit brings all of it to the disk.
    await client.query("select pg_logical_emit_message(true, 'commit', '')");
  });
  const targetDir = directory(root, "materialized");
  await materialize({ distribution: distribution(17), imageFile, wal, lsn, targetDir, identity });
});

function directory(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path, { mode: 0o700 });
  giveToNodes(path);
  return path;
}

/** Writes records until one ends `wanted` bytes before the end of a segment; returns its end. */
async function fillSegment(client: Client, walSegSize: number, wanted: number): Promise<Lsn> {
  const emit = async (bytes: number): Promise<Lsn> =>
    Lsn.parse(String(await scalar(client, `select pg_logical_emit_message(false, 'pad', repeat('x', ${bytes}))`)));
  const left = (at: Lsn): number => walSegSize - Number(at % BigInt(walSegSize));
  // What the server writes of itself may come in between; there is another segment.
  for (let tries = 0; tries < 10; tries += 1) {
    let at = await emit(8);
    while (left(at) > PAGE - 1000) at = await emit(Math.max(8, left(at) - PAGE));
    if (left(at) < 2000) continue;
    const measured = await emit(800);
    const around = Number(measured - at) - 800;
    at = await emit(left(measured) - wanted - around);
    if (left(at) === wanted) return at;
  }
  return expect.fail("no record ended where it should");
}
