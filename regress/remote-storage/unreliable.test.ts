import { describe, expect, requires, test } from "../../fixtures";
import { loseDisk } from "./lose-disk";

const WHAT_GOES_WRONG = [
  { kind: "error", code: "InternalError" },
  { kind: "error", code: "SlowDown" },
  { kind: "reset", when: "before" },
  { kind: "reset", when: "after" },
  { kind: "truncate", bytes: 100 },
] as const;

describe.skipIf(process.env["MOCK_S3_BACKEND"] === "minio")("mock_s3", () => {
  // covers: test_remote_storage.py::test_remote_storage_upload_queue_retries
  test.for([0.1, 0.5])(
    "%f of all requests fail: everything is uploaded in the end, and comes back",
    requires("testing"),
    async (share, { neonEnvBuilder }) => {
      const env = await neonEnvBuilder.enablePageserverRemoteStorage("mock_s3").initStart();
      env.pageserver.allowedErrors.push(/will retry|giving up|failed to perform remote task/);
      const seed = 10;
      const faults = WHAT_GOES_WRONG.map((effect, i) => ({ effect, seed: seed + i, probability: share / 5 }));
      const endpoint = await env.endpoints.createStart("main");
      await env.pageserverRemoteStorage.setFaults(faults);
      await endpoint.sql`create table t as select generate_series(1, 20000) as i`;
      await env.waitForUpload(endpoint, { budgetMs: 60_000 });
      await endpoint.stop();
      await loseDisk(env);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 20000 }]);
      await env.pageserverRemoteStorage.setFaults([]);
    },
  );

  test("listings that lag behind do no harm", requires("testing"), async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder.enablePageserverRemoteStorage("mock_s3").initStart();
    await env.pageserverRemoteStorage.setFaults([{ effect: { kind: "stale-list", ms: 2_000 } }]);
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForUpload(endpoint);
    await env.pageserver.restart();
    await endpoint.stop();
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  });
});
