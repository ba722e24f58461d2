import { expect, requires, test, TimelineId } from "../fixtures";

test(
  "a failpoint that no node has is refused before anything is sent",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const refused = env.pageserver.httpClient().configureFailpoints([["no-such-failpoint", "return"]]);
    await expect(refused).rejects.toThrow(/^BAD_VALUE: pageserver-1 has no failpoint "no-such-failpoint"/);
    await expect(env.pageserver.addPersistentFailpoint("no-such-failpoint", "return")).rejects.toThrow(/^BAD_VALUE/);
  },
);

test(
  "a failpoint that a test leaves behind is cleared before the nodes are stopped",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    const pageserver = env.pageserver.httpClient();
    await pageserver.pauseAt("before-upload-index-pausable");
    const from = env.pageserver.logCursor();
    // A branch needs no initdb, which takes long on a busy machine.
    const timeline = { new_timeline_id: TimelineId.generate(), ancestor_timeline_id: env.initialTimeline };
    // It goes on when the failpoint is cleared, and not before.
    void pageserver.createTimeline(env.initialTenant, timeline).catch(() => undefined);
    await env.pageserver.assertLogContains(/at failpoint before-upload-index-pausable/, { from });
  },
);

test(
  "a persistent failpoint holds from the first moment of each start on",
  requires("failpoints"),
  async ({ neonSimpleEnv: env }) => {
    await env.pageserver.addPersistentFailpoint("timeline-calculate-logical-size-pause", "pause");
    for (let round = 0; round < 2; round += 1) {
      const from = env.pageserver.logCursor();
      await env.pageserver.restart();
      const details = { forceAwaitInitialLogicalSize: true } as const;
      const detail = env.pageserver.httpClient().timelineDetail(env.initialTenant, env.initialTimeline, details);
      void detail.catch(() => undefined);
      await env.pageserver.assertLogContains(/at failpoint timeline-calculate-logical-size-pause/, { from });
      await env.pageserver.httpClient().clearFailpoints(["timeline-calculate-logical-size-pause"]);
      await detail;
    }
  },
);
