import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { cacheDir, distribution, giveToNodes, identity, isLongRun, makeTestDirectory } from "../../testing";
import { pgVersions } from "../../testing";
import { Lsn, oneOf, randomFrom, testSeed } from "../../types";
import type { PgVersion, Random } from "../../types";
import { streamBase, unpackBase } from "./base-tar";
import type { WalSource } from "./base-tar";
import { bootstrapImage, readImageManifest } from "./image";
import { materialize } from "./materialize";
import { sealImage } from "./seal";
import { giveTree, scalar, walIn, withServer } from "./testing/server";
import { SELECT_ROWS } from "./testing/wal-session";
import { WalWorkload } from "./testing/wal-workload";
import type { InspectedRecord, WorkloadResult } from "./testing/wal-workload";
import { type Change, World } from "./testing/world";

/** pg_walinspect, by which Postgres itself says where records end, came with version 15. */
const VERSIONS = pgVersions.filter((version) => version === 17 || (isLongRun && version === 15));
const BOUNDARIES = isLongRun ? 200 : 8;
const STEPS = isLongRun ? 3000 : 400;

const root = makeTestDirectory("truncated-wal");
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Image {
  file: string;
  lsn: Lsn;
}

function directory(name: string): string {
  const path = join(root, name);
  mkdirSync(path, { mode: 0o700 });
  giveToNodes(path);
  return path;
}

async function imageAt(file: string): Promise<Image> {
  return { file, lsn: Lsn.parse((await readImageManifest(file)).lsn) };
}

async function initialImage(version: PgVersion): Promise<Image> {
  const outFile = join(root, `v${version}.image`);
  await bootstrapImage({ distribution: distribution(version), cacheDir, outFile, identity });
  return imageAt(outFile);
}

/**
 * Images of the middle and of the last third, the second made from the first, as the pageserver makes its layers. Each
 * stands within a transaction that changes the catalogs and commits only after it.
 */
async function moreImages(version: PgVersion, first: Image, wal: WalSource, { records, moments }: WorkloadResult) {
  const images = [first];
  for (const part of [0.4, 0.7]) {
    const source = images.at(-1) ?? first;
    const after = records[Math.floor(records.length * part)]?.end ?? 0n;
    const changesCatalogs = ({ kind }: Change) => kind === "createDatabase" || kind === "create";
    const commit = moments.find(({ end, changes }) => end > after && changes.some(changesCatalogs))?.end ?? 0n;
    const lsn = records.findLast(({ end }) => end < commit)?.end ?? 0n;
    const [targetDir, outFile] = [join(root, `m-${version}-${part}`), join(root, `v${version}-${part}.image`)];
    await materialize({ distribution: distribution(version), imageFile: source.file, wal, lsn, targetDir, identity });
    await sealImage({ dataDir: targetDir, source: await readImageManifest(source.file), lsn, outFile });
    rmSync(targetDir, { recursive: true });
    images.push(await imageAt(outFile));
  }
  return images;
}

/** Ends of random records, and one of each kind that has gone wrong, or might. */
function chooseBoundaries(records: readonly InspectedRecord[], random: Random): Lsn[] {
  const kinds = new Map<string, Lsn>();
  for (const { start, end, type } of records) {
    if (end % 8192n === 0n) kinds.set("page end", end);
    if (end % 8192n === 8184n) kinds.set("8 bytes left", end);
    if (end - start > 20_000n) kinds.set("large", end);
    if (end / 2n ** 20n > start / 2n ** 20n && end % 2n ** 20n !== 0n) kinds.set("over a segment's end", end);
    if (/SWITCH|CREATE_FILE_COPY|CREATE_WAL_LOG|PREPARE|TRUNCATE|CHECKPOINT_ONLINE/.test(type)) kinds.set(type, end);
  }
  expect([...kinds.keys()]).toEqual(expect.arrayContaining(["XLOG/SWITCH", "Transaction/PREPARE", "large"]));
  const ends = records.map(({ end }) => end);
  const chosen = new Set([...kinds.values(), ends.at(-1) ?? 0n]);
  while (chosen.size < BOUNDARIES) chosen.add(oneOf(random, ends));
  return [...chosen].slice(-BOUNDARIES);
}

async function expectWorld(client: Client, world: World): Promise<void> {
  const names = async (sql: string): Promise<string[]> =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name).toSorted();
  const tables = "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
  expect(await names(tables)).toEqual([...world.tables.keys()].toSorted());
  expect(await names("select gid as name from pg_prepared_xacts")).toEqual([...world.prepared.keys()].toSorted());
  const databases = "select datname as name from pg_database where datname like 'd\\_%'";
  expect(await names(databases)).toEqual([...world.databases].toSorted());
  // A prepared transaction may have changed a table's definition; nobody can read it before that has ended.
  const locked = await names(
    "select relation::regclass::text as name from pg_locks where mode = 'AccessExclusiveLock' and pid is null",
  );
  for (const [table, rows] of world.tables) {
    if (table === "the_end" || locked.includes(table)) continue;
    const found = await client.query<{ id: number; value: number; intact: boolean }>(
      `select ${SELECT_ROWS} from ${table} order by id`,
    );
    expect(found.rows.filter(({ intact }) => !intact)).toEqual([]);
    const wanted = [...rows].toSorted(([a], [b]) => a - b);
    expect(found.rows.map(({ id, value }) => [id, value])).toEqual(wanted);
    await client.query("select bt_index_check($1::regclass, true)", [`${table}_pkey`]);
  }
}

/** It stays on timeline 1, and its first own record stands exactly at `lsn`, chained to the last that it was given. */
async function expectResumed(client: Client, lsn: Lsn, records: readonly InspectedRecord[]): Promise<void> {
  expect(await scalar(client, "select timeline_id from pg_control_checkpoint()")).toBe(1);
  const previous = records.findLast(({ end }) => end <= lsn)?.start ?? 0n;
  const first = await client.query<Record<string, string>>(
    "select record_type, prev_lsn::text as prev from pg_get_wal_record_info($1)",
    [Lsn.format(lsn)],
  );
  expect(first.rows).toEqual([{ record_type: "CHECKPOINT_SHUTDOWN", prev: Lsn.format(previous) }]);
}

async function expectStart(options: {
  version: PgVersion;
  image: Image;
  wal: WalSource;
  lsn: Lsn;
  result: WorkloadResult;
}): Promise<void> {
  const { version, image, wal, lsn, result } = options;
  const dataDir = directory(`start-${version}`);
  await unpackBase(streamBase({ imageFile: image.file, wal, lsn }), dataDir);
  await giveTree(dataDir);
  const check = async (client: Client, port: number): Promise<void> => {
    const world = World.at(result.moments, lsn);
    await client.query("create extension if not exists pg_walinspect");
    await client.query("create extension amcheck");
    await expectResumed(client, lsn, result.records);
    await expectWorld(client, world);
    for (const [gid, changes] of world.prepared) {
      await client.query(`commit prepared '${gid}'`);
      world.apply([{ kind: "resolved", gid, changes: [] }, ...changes]);
    }
    await expectWorld(client, world);
    const sure = result.databases.find(({ from, to }) => from <= lsn && lsn <= to);
    if (sure !== undefined) await expectUsable(port, sure.name);
  };
  await withServer(dataDir, check, version);
  rmSync(dataDir, { recursive: true });
}

async function expectUsable(port: number, database: string): Promise<void> {
  const client = new Client({ host: "127.0.0.1", port, user: "cloud_admin", database });
  await client.connect();
  try {
    await client.query("create table usable as select oid from pg_class");
  } finally {
    await client.end();
  }
}

test.each(VERSIONS)(
  "v%i: WAL cut at any record's end gives exactly what was committed by then",
  { timeout: isLongRun ? 3_000_000 : 120_000 },
  async (version) => {
    const seed = testSeed();
    const random = randomFrom(seed);
    const first = await initialImage(version);
    const loadDir = directory(`load-${version}`);
    const none: WalSource = { read: () => walIn(loadDir).read(0n, 0n) };
    await unpackBase(streamBase({ imageFile: first.file, wal: none, lsn: first.lsn }), loadDir);
    await giveTree(loadDir);
    const workload = (client: Client, port: number) => new WalWorkload(client, random, version).run(port, STEPS);
    const result = await withServer(loadDir, workload, version);
    const wal = walIn(join(loadDir, "pg_wal"));
    const images = await moreImages(version, first, wal, result);
    for (const lsn of chooseBoundaries(result.records, random)) {
      const usable = images.filter((image) => image.lsn <= lsn);
      const image = oneOf(random, usable);
      try {
        await expectStart({ version, image, wal, lsn, result });
      } catch (error) {
        const from = `from the image at ${Lsn.format(image.lsn)}`;
        const replay = `NEON_TEST_SEED=${seed}${isLongRun ? " NEON_TEST_LONG=1" : ""} npx vitest run --project harness truncated-wal`;
        throw new Error(`v${version}, WAL cut at ${Lsn.format(lsn)}, ${from}; replay: ${replay}`, { cause: error });
      }
    }
  },
);
