import { once } from "node:events";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeNodeDirectory, Pageserver, Safekeeper, StorageBroker, StorageController } from "../nodes";
import { StandIns } from "../nodes/testing/stand-ins";
import { freePort } from "../testing";
import { checkLogs, checkMetrics, checkRunning } from "./check-env";

/** Nodes that never run; their logs are ours to write. */
async function nodes() {
  const standIns = new StandIns();
  onTestFinished(() => standIns[Symbol.dispose]());
  const context = standIns.context();
  const httpPort = await freePort();
  const storageController = new StorageController(context, {
    instanceId: 1,
    ports: { http: 0, database: 0 },
    config: {},
  });
  const settings = { id: 1, pgPort: 0, httpPort, availabilityZone: "a", config: {} };
  const pageserver = new Pageserver(context, settings, storageController);
  const ports = { pgPort: 0, pgTenantOnlyPort: 0, httpPort: 0 };
  const safekeeper = new Safekeeper(context, { id: 1, ...ports, brokerUrl: "", fsync: false, extraOptions: [] });
  const broker = new StorageBroker(context, 0);
  for (const { logPath } of [storageController, pageserver, safekeeper, broker]) {
    mkdirSync(dirname(logPath), { recursive: true });
    writeFileSync(logPath, "2026-01-01T00:00:00.000000Z  INFO all is well: no ERROR, no WARN\n");
  }
  const storageControllers = [storageController];
  return {
    storageController,
    storageControllers,
    pageservers: [pageserver],
    pageserver,
    safekeepers: [safekeeper],
    safekeeper,
    broker,
  };
}

const log = (node: { logPath: string }, text: string): void =>
  appendFileSync(node.logPath, `2026-01-01T00:00:00.000000Z ${text}\n`);

test("logs without errors, or with errors that a test expects, are fine", async () => {
  const env = await nodes();
  checkLogs(env);
  env.pageserver.allowedErrors.push(/the disk is gone/);
  env.storageController.allowedErrors.push(/nobody answers/);
  log(env.pageserver, "ERROR flush{tenant=1}: the disk is gone");
  log(env.storageController, " WARN nobody answers");
  // They warn about every client that goes away.
  log(env.safekeeper, " WARN connection reset");
  checkLogs(env);
});

test("a line that a kill has torn is no error, and a pattern with memory misses none", async () => {
  const env = await nodes();
  const torn = " WARN deletion executo2023-10-25T09:38:31.875947Z  INFO version: git-env:0f9452f76e8";
  log(env.pageserver, torn);
  env.pageserver.allowedErrors.push(/disk/g);
  for (let n = 0; n < 3; n += 1) log(env.pageserver, "ERROR the disk is gone");
  checkLogs(env);
  log(env.pageserver, " WARN deletion executor gave up");
  expect(() => checkLogs(env)).toThrow(/1 unexpected line/);
});

test.for([
  ["pageserver", "ERROR page_service_conn_main{peer_addr=1}: query handler for 'pagestream_v2' failed: Broken pipe"],
  ["pageserver", " WARN request{method=GET path=/v1/utilization request_id=1}: request was dropped before completing"],
  ["pageserver", "ERROR gc_loop{tenant_id=1}: Gc failed, retrying in 2s: timeline is Stopping"],
  ["storageController", " WARN Failed to update node 1 after heartbeat round: error sending request for url (1)"],
] as const)("what any test may cause in a %s is expected: %s", async ([node, line]) => {
  const env = await nodes();
  log(env[node], line);
  checkLogs(env);
  log(env[node], line.replace(/:[^:]*$/, ": something else"));
  expect(() => checkLogs(env)).toThrow(/something else/);
});

test("an error that nobody expected is quoted, with whose it is", async () => {
  const env = await nodes();
  env.storageController.allowedErrors.push(/strange/);
  for (let n = 1; n <= 30; n += 1) log(env.pageserver, ` WARN strange thing ${n}`);
  expect(() => checkLogs(env)).toThrow(
    /^LOG_ERRORS: pageserver-1 logged 30 unexpected line.*the first 20 follow(.|\n)*allowedErrors(.|\n)*strange thing 1\n(.|\n)*strange thing 20$/,
  );
});

test("what is wrong in several logs is reported of each", async () => {
  const env = await nodes();
  log(env.pageserver, "ERROR the first trouble");
  log(env.safekeeper, " INFO WAL record crc mismatch at 0/16B5A50");
  log(env.broker, "ERROR the third trouble");
  expect(() => checkLogs(env)).toThrow(
    /^3 nodes(.|\n)*pageserver-1 (.|\n)*the first trouble\n(.|\n)*safekeeper-1 (.|\n)*crc mismatch(.|\n)*storage_broker (.|\n)*the third trouble/,
  );
});

test.for<[string, string, RegExp | undefined]>([
  ["both counters at zero", "one_total 0\ntwo_total 0\n", undefined],
  ["counters without _total", "one 0\ntwo 0\n", undefined],
  [
    "a counter that went up",
    "one_total 0\ntwo_total 3\n",
    /^CHECK_FAILED: pageserver-1 .*\n.*deletion_queue.* 0\n {2}found: 3/,
  ],
  ["no such counter", "one_total 0\n", /^CHECK_FAILED: pageserver-1 .*\n.*deletion_queue.*\n {2}found: no such metric/],
])("a pageserver's metrics: %s", async ([, text, expected]) => {
  const { pageserver } = await nodes();
  const body = text
    .replace("one", "pageserver_tenant_manager_unexpected_errors")
    .replace("two", "pageserver_deletion_queue_unexpected_errors");
  const server = createServer((_request, response) => response.end(body));
  onTestFinished(() => void server.close());
  await once(server.listen(pageserver.settings.httpPort, "127.0.0.1"), "listening");
  const checked = checkMetrics(pageserver);
  await (expected === undefined ? checked : expect(checked).rejects.toThrow(expected));
});

test("a node that crashed without anyone noticing fails the check; one that the test has ended doesn't", async () => {
  const standIns = new StandIns().program(
    "storage_broker",
    `import { createServer } from "node:http";
     const port = Number(process.argv[2].split(":").at(-1));
     createServer((request, response) => { response.end(); if (request.url === "/crash") process.exit(3); }).listen(port, "127.0.0.1");`,
  );
  onTestFinished(() => standIns[Symbol.dispose]());
  const context = standIns.context();
  makeNodeDirectory(context, context.repoDir);
  const broker = new StorageBroker(context, await freePort());
  onTestFinished(() => broker.kill9());
  const { storageControllers } = await nodes();
  const env = { storageControllers, broker, safekeepers: [], pageservers: [] };

  await broker.start();
  await broker.kill9();
  await checkRunning(env);

  await broker.start();
  await Promise.all([broker.exited(), fetch(`${broker.url}crash`).catch(() => undefined)]);
  await expect(checkRunning(env)).rejects.toThrow(/^NODE_DIED: storage_broker ended by itself.*exit code 3/);
});
