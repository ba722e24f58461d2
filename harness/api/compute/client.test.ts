import { expect, test } from "vitest";
import { failureOf, TestServer } from "../testing/node-server";
import { ComputeClient } from "./client";

type Row = [line: string, call: (client: ComputeClient) => Promise<unknown>, body?: unknown];

const EXTENSION = { extension: "neon", version: "1.5", database: "postgres" };

const ROUTES: Row[] = [
  ["GET /status", (c) => c.status()],
  ["POST /configure", (c) => c.configure({ x: 1 }), { spec: { x: 1 } }],
  ["GET /metrics.json", (c) => c.startMetrics()],
  ["GET /info", (c) => c.info()],
  ["GET /insights", (c) => c.insights()],
  ["GET /dbs_and_roles", (c) => c.databasesAndRoles()],
  ["GET /database_schema?database=a%2Fb", (c) => c.databaseSchema("a/b")],
  ["GET /installed_extensions", (c) => c.installedExtensions()],
  ["POST /extensions", (c) => c.installExtension(EXTENSION), EXTENSION],
  [
    "POST /grants",
    (c) => c.grant({ database: "d", schema: "s", role: "r", privileges: ["CREATE"] }),
    { database: "d", schema: "s", role: "r", privileges: ["CREATE"] },
  ],
  ["POST /check_writability", (c) => c.checkWritability()],
  ["POST /extension_server/anon?is_library=true", (c) => c.downloadExtension("anon", { isLibrary: true })],
  ["POST /terminate", (c) => c.terminate()],
];

test.each(ROUTES)("%s", async (line, call, body) => {
  await using server = await TestServer.listen(() => ({ body: {} }));
  await call(new ComputeClient("ep-1", server.url));
  expect(server.lines).toEqual([line]);
  const sent = server.requests[0]?.body ?? "";
  expect(sent === "" ? undefined : JSON.parse(sent)).toEqual(body);
});

test("the answers are taken as compute_ctl writes them", async () => {
  const extensions = [{ extname: "plpgsql", version: "1.0", n_databases: 2, owned_by_superuser: "1" }];
  const answers: Record<string, unknown> = {
    "GET /installed_extensions": { extensions },
    "GET /insights": JSON.stringify('{{"pg_stat_statements": []}}'),
    "GET /metrics": '# TYPE compute_installed_extensions gauge\ncompute_installed_extensions{version="1.0"} 2\n',
  };
  await using server = await TestServer.listen(({ line }) => ({ body: answers[line] }));
  const client = new ComputeClient("ep-1", server.url);
  expect(await client.installedExtensions()).toEqual(extensions);
  expect(await client.insights()).toBe('{{"pg_stat_statements": []}}');
  expect((await client.metrics()).value("compute_installed_extensions")).toBe(2);
});

test.each([
  [404, { error: "database does not exist" }, "database does not exist"],
  [500, { error: 'db error: ERROR: relation "health_check" does not exist' }, "health_check"],
  [404, "", ""],
])("%i with its own form of error", async (status, body, reason) => {
  await using server = await TestServer.listen(() => ({ status, body }));
  const error = await failureOf(new ComputeClient("ep-1", server.url).databaseSchema("nope"));
  expect(error).toMatchObject({ status, reason: expect.stringContaining(reason) as string });
});
