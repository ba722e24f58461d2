import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PortPool } from "../ports";
import type { PortLease } from "../ports";
import { closeRemoteStorage, openRemoteStorage } from "../storage";
import type { RemoteStorage } from "../storage";
import { identity, makeTestDirectory } from "../testing";
import { TenantId, TimelineId } from "../types";
import { checkRemoteStorage } from "./check-remote-storage";
import { scrubStorage } from "./scrub-storage";

let ports: PortLease;
beforeAll(async () => void (ports = await PortPool.lease()));
afterAll(async () => {
  await closeRemoteStorage();
  await ports[Symbol.asyncDispose]();
});

const tenant = TenantId.generate();
const timeline = TimelineId.generate();
const KEYS = `${"0".repeat(36)}-030000000000000000000000000000000002`;
const [one, two] = [`${KEYS}__0000000001000000`, `${KEYS}__0000000002000000`];

const index = (layers: Record<string, object>, more: object = {}): string =>
  JSON.stringify({ version: 10, layer_metadata: layers, disk_consistent_lsn: "0/1", ...more });

describe.each(["local_fs", "mock_s3"] as const)("%s", (kind) => {
  let storage: RemoteStorage;
  const path = (name: string): string => `tenants/${tenant}/timelines/${timeline}/${name}`;

  /** A timeline as a pageserver leaves it: two generations of the index, two layers, what initdb made. */
  beforeEach(async () => {
    await storage?.release();
    const repoDir = makeTestDirectory("scrub");
    storage = await openRemoteStorage(kind, { user: "pageserver", repoDir, testName: "scrub", owner: identity, ports });
    await storage.write(path("initdb.tar.zst"), "archive");
    await storage.write(path(`${one}-00000001`), "1111");
    await storage.write(path(`${two}-0000000a`), "22");
    await storage.write(path("index_part.json-00000001"), index({ [one]: { file_size: 4, generation: 1 } }));
    const both = { [one]: { file_size: 4, generation: 1 }, [two]: { file_size: 2, generation: 10 } };
    await storage.write(path("index_part.json-0000000a"), index(both));
    await storage.write(`tenants/${tenant}/heatmap-v1.json`, '{"timelines":[]}');
    const manifest = { version: 1, offloaded_timelines: [{ timeline_id: timeline, archived_at: "" }] };
    await storage.write(`tenants/${tenant}/tenant-manifest-00000001`, JSON.stringify(manifest));
  });

  test("what is whole is healthy, and counted", async () => {
    const report = await checkRemoteStorage(storage);
    expect(report).toEqual({ tenants: 1, timelines: 1, layers: 2, problems: [], unneeded: [], unknown: [] });
  });

  test.each<[string, (at: RemoteStorage) => Promise<unknown>, RegExp]>([
    [
      "a layer that is gone",
      (at) => at.delete([path(`${one}-00000001`)]),
      /0000000a: the layer .*-00000001 is not there/,
    ],
    ["a layer that is cut off", (at) => at.write(path(`${two}-0000000a`), "2"), /has 1 bytes, and should have 2/],
    ["an index that is no JSON", (at) => at.corrupt(path("index_part.json-0000000a"), 0), /0000000a: can't be read/],
    [
      "layers without an index",
      (at) => at.delete([path("index_part.json-00000001"), path("index_part.json-0000000a")]),
      /2 objects and no index/,
    ],
    [
      "a layer of another generation than the index says",
      (at) =>
        at.editIndexPart(tenant, timeline, (part) => (part.layer_metadata[two] = { file_size: 2, generation: 9 })),
      /-00000009 is not there/,
    ],
    [
      "an offloaded timeline that nothing is left of",
      (at) => at.deletePrefix(path("")),
      /tenant-manifest-00000001: the offloaded timeline \w+ has no objects/,
    ],
    [
      "a manifest that is no JSON",
      (at) => at.write(`tenants/${tenant}/tenant-manifest-00000002`, "{"),
      /tenant-manifest-00000002: can't be read/,
    ],
  ])("%s", async (_name, damage, message) => {
    await damage(storage);
    await expect(checkRemoteStorage(storage)).rejects.toMatchObject({
      code: "CHECK_FAILED",
      message: expect.stringMatching(message) as string,
    });
  });

  test("a timeline that is being deleted may have lost its layers", async () => {
    await storage.editIndexPart(tenant, timeline, (part) => (part.deleted_at = "2025-01-01T00:00:00"));
    await storage.delete([path(`${one}-00000001`)]);
    expect((await checkRemoteStorage(storage)).problems).toEqual([]);
  });

  test("a shard may use layers of the tenant that it was split from", async () => {
    const shard = `tenants/${tenant}-0002/timelines/${timeline}/`;
    const own = { file_size: 3, generation: 2, shard: "0002" };
    await storage.write(`${shard}${two}-00000002`, "own");
    await storage.write(
      `${shard}index_part.json-00000002`,
      index({ [one]: { file_size: 4, generation: 1 }, [two]: own }),
    );
    expect((await checkRemoteStorage(storage)).problems).toEqual([]);
    await storage.delete([`${shard}${two}-00000002`]);
    expect((await scrubStorage(storage)).problems).toEqual([expect.stringContaining(`${shard}${two}-00000002 is not`)]);
  });

  test("garbage is no damage: layers that no index names, objects that Neon does not know", async () => {
    await storage.write(path(`${two}-00000003`), "old");
    await storage.write("tenants/notes.txt", "somebody's");
    const report = await checkRemoteStorage(storage);
    expect([report.unneeded, report.unknown]).toEqual([[path(`${two}-00000003`)], ["tenants/notes.txt"]]);
  });
});
