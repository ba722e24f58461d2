import { join } from "node:path";
import { expect, requires, test } from "../fixtures";

// covers: test_storage_scrubber.py::test_scrubber_scan_pageserver_metadata
test(
  "the scrubber finds nothing in a healthy bucket, and says what is missing in another",
  requires("s3", "storage_scrubber"),
  async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.with({ pageserverRemoteStorage: "mock_s3" }).initStart();
    const healthy = await env.storageScrubber.scanMetadata();
    expect(healthy).toMatchObject({ tenant_count: 1, timeline_count: 1 });
    expect(env.storageScrubber.complaints(healthy)).toEqual([]);

    const remote = env.pageserverRemoteStorage;
    const [layer] = await remote.layerKeys(env.initialTenant, env.initialTimeline);
    const bytes = await remote.read(layer ?? "no layer");
    await remote.delete([layer ?? "no layer"]);
    const [complaint] = env.storageScrubber.complaints(await env.storageScrubber.scanMetadata());
    expect(complaint).toMatch(
      new RegExp(`^${env.initialTenant}/${env.initialTimeline}: .*layer.*not present in remote storage`),
    );
    // The tear-down scrubs, too.
    await remote.write(layer ?? "no layer", bytes);
  },
);

test("the scrubber knows no folders", requires("storage_scrubber"), async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ pageserverRemoteStorage: "local_fs" }).initConfigs();
  await expect(env.storageScrubber.scanMetadata()).rejects.toThrow(/^MISUSE: .*buckets only/);
  expect(env.pageserverRemoteStorage.describe()).toContain(join("local_fs_remote_storage", "pageserver"));
});
