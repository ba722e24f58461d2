import { afterAll, beforeAll, expect, test } from "vitest";
import { TenantId, TimelineId } from "../../../types";
import { TestPageserver } from "../testing/test-pageserver";

const tenantId = TenantId.generate();
const [parent, child] = [TimelineId.generate(), TimelineId.generate()];
const server = new TestPageserver();

const path = (timelineId: TimelineId): string => `/v1/tenant/${tenantId}/timeline/${timelineId}`;
const archive = (timelineId: TimelineId, state: string) =>
  server.http("PUT", `${path(timelineId)}/archival_config`, { state });
const isArchived = async (timelineId: TimelineId): Promise<unknown> =>
  ((await server.http("GET", path(timelineId))).json as { is_archived: boolean }).is_archived;

beforeAll(async () => {
  await server.prepare();
  await server.start();
  await server.attach(tenantId);
  await server.createTimeline(tenantId, parent);
  const branch = { new_timeline_id: child, ancestor_timeline_id: parent };
  expect((await server.http("POST", `/v1/tenant/${tenantId}/timeline`, branch)).status).toBe(201);
});
afterAll(() => server.cleanUp());

test("a timeline is archived after its children, remembered over a restart, and comes back before them", async () => {
  const msg = `Precondition failed: Cannot archive timeline which has non-archived child timelines: [${child}]`;
  expect(await archive(parent, "Archived")).toMatchObject({ status: 412, json: { msg } });
  for (const timelineId of [child, parent]) expect((await archive(timelineId, "Archived")).status).toBe(200);
  await server.stop("SIGQUIT");
  await server.start();
  expect([await isArchived(parent), await isArchived(child)]).toEqual([true, true]);
  expect((await archive(child, "Unarchived")).status).toBe(412);
  for (const timelineId of [parent, child]) expect((await archive(timelineId, "Unarchived")).status).toBe(200);
  expect([await isArchived(parent), await isArchived(child)]).toEqual([false, false]);
  expect((await archive(child, "Lost")).status).toBe(400);
});
