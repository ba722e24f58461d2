import { describe, expect, requires, test } from "../../fixtures";
import type { NeonEnv } from "../../fixtures";
import { loseDisk } from "./lose-disk";

/** What a pageserver says while its storage is away. */
const AWAY =
  /will retry|giving up|failed to perform remote task|still failed after|dispatch failure|request was dropped before|Cancelled request/;

/** Lets the pageserver begin to flush and upload. Real Neon answers only when storage has it, which is not awaited. */
async function beginUpload(env: NeonEnv): Promise<void> {
  const client = env.pageserver.httpClient();
  const flush = client.checkpoint(env.initialTenant, env.initialTimeline, { compact: false }, { timeoutMs: 2_000 });
  await Promise.allSettled([flush]);
}

async function uploaded(env: NeonEnv): Promise<bigint> {
  return env.pageserver.httpClient().remoteConsistentLsn(env.initialTenant, env.initialTimeline);
}

describe("mock_s3", () => {
  test(
    "while storage is cut off commits go on, and everything is uploaded when it is back",
    requires("testing"),
    async ({ neonEnvBuilder }) => {
      const env = await neonEnvBuilder
        .with({ remoteStorageProxy: true })
        .enablePageserverRemoteStorage("mock_s3")
        .initStart();
      env.pageserver.allowedErrors.push(AWAY);
      const endpoint = await env.endpoints.createStart("main");
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      await env.waitForUpload(endpoint);
      env.remoteStorageProxy.cut();
      await endpoint.sql`insert into t select generate_series(1001, 5000)`;
      const flushed = await env.waitForLastFlushLsn(endpoint);
      await beginUpload(env);
      expect(await uploaded(env)).toBeLessThan(flushed);
      env.remoteStorageProxy.heal();
      await expect.poll(() => uploaded(env), { timeout: 60_000 }).toBeGreaterThanOrEqual(flushed);
      await endpoint.stop();
      await loseDisk(env);
      await endpoint.start();
      expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 5000 }]);
    },
  );

  test.for(["up", "down"] as const)(
    "a network that lets nothing through %s for a while: the upload waits",
    requires("testing"),
    async (direction, { neonEnvBuilder }) => {
      const env = await neonEnvBuilder
        .with({ remoteStorageProxy: true })
        .enablePageserverRemoteStorage("mock_s3")
        .initStart();
      env.pageserver.allowedErrors.push(AWAY);
      const endpoint = await env.endpoints.createStart("main");
      env.remoteStorageProxy.block(direction);
      await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
      const flushed = await env.waitForLastFlushLsn(endpoint);
      await beginUpload(env);
      expect(await uploaded(env)).toBeLessThan(flushed);
      env.remoteStorageProxy.heal();
      await expect.poll(() => uploaded(env), { timeout: 60_000 }).toBeGreaterThanOrEqual(flushed);
    },
  );

  test("storage that is far away and slow is only slow", requires("testing"), async ({ neonEnvBuilder }) => {
    const env = await neonEnvBuilder
      .with({ remoteStorageProxy: true })
      .enablePageserverRemoteStorage("mock_s3")
      .initConfigs();
    env.remoteStorageProxy.set({ latencyMs: 50, bytesPerSecond: 20_000_000 });
    await neonEnvBuilder.initStart();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
    await env.waitForUpload(endpoint, { budgetMs: 60_000 });
    await endpoint.stop();
    await loseDisk(env);
    await endpoint.start();
    expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  });
});
