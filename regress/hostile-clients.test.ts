import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, PgError, TenantId, test, TimelineId } from "../fixtures";
import type { NeonEnv } from "../fixtures";

const MEGABYTE = 1024 * 1024;

/** Of the user "u". */
function startupPacket(): Buffer {
  const parameters = Buffer.from("user\0u\0\0");
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + parameters.length, 0);
  head.writeUInt32BE(0x0003_0000, 4);
  return Buffer.concat([head, parameters]);
}

/** What a client may send that means no good, to a port of either kind. */
const NONSENSE: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from("ff00fe01".repeat(1000), "hex"),
  // Half of a startup packet; one of 2 GB; and a query of 1 GB of which nothing comes.
  Buffer.from("0000004b00030000", "hex"),
  Buffer.from("7fffffff00030000", "hex"),
  Buffer.concat([startupPacket(), Buffer.from("513fffffff41414141", "hex")]),
  Buffer.from("GET /v1/status HTTP/1.1\r\nhost: x\r\ncontent-le"),
  Buffer.from("POST /v1/tenant HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999\r\n\r\n{"),
];

const nodesOf = (env: NeonEnv) => [
  { node: env.broker, ports: [env.broker.port] },
  { node: env.storageController, ports: [env.storageController.port] },
  { node: env.pageserver, ports: [env.pageserver.pgPort, env.pageserver.settings.httpPort] },
  ...env.safekeepers.map((node) => ({ node, ports: [node.settings.pgPort, node.settings.httpPort] })),
];

/** Resolves when the connection stands; however it ends, nobody wants to know. */
function attack(port: number, bytes: Buffer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.off("error", reject).on("error", () => undefined);
      socket.resume();
      if (bytes.length > 0) socket.write(bytes);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

const residentBytes = (pid: number | undefined): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

/** What they do is worth an error in the log, or not: that is not what this is about. */
function allowComplaints(env: NeonEnv): void {
  for (const node of [env.pageserver, env.storageController]) node.allowedErrors.push(/./);
}

/** Everybody is served: SQL with all that is behind it, and each node's HTTP. */
async function expectService(env: NeonEnv): Promise<void> {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql`create table t as select generate_series(1, 1000) as i`;
  await env.waitForLastFlushLsn(endpoint);
  await endpoint.restart();
  expect(await endpoint.sql`select count(*)::int as n from t`).toEqual([{ n: 1000 }]);
  expect(await env.storageController.httpClient().listNodes()).toHaveLength(1);
  for (const { node } of nodesOf(env)) expect(node.isRunning(), node.name).toBe(true);
}

test("clients that send nonsense, nothing, or announce gigabytes disturb nobody", async ({ neonSimpleEnv: env }) => {
  allowComplaints(env);
  const before = new Map(nodesOf(env).map(({ node }) => [node.name, residentBytes(node.pid)]));
  const clients: Socket[] = [];
  for (const port of nodesOf(env).flatMap(({ ports }) => ports)) {
    for (const bytes of NONSENSE) for (let n = 0; n < 10; n += 1) clients.push(await attack(port, bytes));
  }
  await expectService(env);
  for (const { node } of nodesOf(env)) {
    expect(residentBytes(node.pid) - (before.get(node.name) ?? 0), node.name).toBeLessThan(300 * MEGABYTE);
  }
  for (const client of clients) client.destroy();
});

test("a thousand clients at each port that say nothing disturb nobody", async ({ neonSimpleEnv: env }) => {
  allowComplaints(env);
  const clients: Socket[] = [];
  for (const port of nodesOf(env).flatMap(({ ports }) => ports)) {
    for (let n = 0; n < 1000; n += 1) clients.push(await attack(port, Buffer.alloc(0)));
  }
  await expectService(env);
  for (const client of clients) client.destroy();
});

test("ids that nobody knows, and ids that are none, are refused by name", async ({ neonSimpleEnv: env }) => {
  allowComplaints(env);
  await env.endpoints.createStart("main");
  const [tenantId, timelineId] = [TenantId.generate(), TimelineId.generate()];
  const [safekeeper] = env.safekeepers;
  const ids = { tenantId, timelineId };
  const refusals: [() => Promise<unknown>, RegExp][] = [
    [() => env.pageserver.httpClient().timelineDetail(tenantId, timelineId), new RegExp(`404.*${tenantId}`)],
    [() => env.pageserver.httpClient().timelineDetail(env.initialTenant, timelineId), /404.*imeline/],
    [() => env.storageController.httpClient().describeTenant(tenantId), /404/],
    [async () => safekeeper?.httpClient().timelineStatus(tenantId, timelineId), new RegExp(`404.*${timelineId}`)],
    [
      async () => {
        const session = await safekeeper?.connect(ids);
        await session?.query("IDENTIFY_SYSTEM").finally(() => session.destroy());
      },
      new RegExp(`imeline ${tenantId}/${timelineId} was not found`),
    ],
  ];
  for (const [ask, message] of refusals) await expect(ask()).rejects.toThrow(message);
  for (const command of ["pagestream_v2 none none", `basebackup ${tenantId} none`, "frobnicate", "'); drop table t;"]) {
    const session = await env.pageserver.connect();
    await expect(session.query(command)).rejects.toBeInstanceOf(PgError);
    session.destroy();
  }
});
