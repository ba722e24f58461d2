import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../testing";
import { makeNodeDirectory } from "./context";
import { StorageBroker } from "./storage-broker";
import { StandIns } from "./testing/stand-ins";

/** A broker whose program is these lines; it takes no port by itself. */
async function broker(program: string): Promise<StorageBroker> {
  const standIns = new StandIns().program("storage_broker", program);
  onTestFinished(() => standIns[Symbol.dispose]());
  const context = standIns.context();
  makeNodeDirectory(context, context.repoDir);
  const node = new StorageBroker(context, await freePort());
  onTestFinished(() => node.kill9());
  return node;
}

test("a node that dies at start is an error with its exit code and its log tail", async () => {
  const node = await broker(`console.log("about to fail"); console.error("no luck today"); process.exit(17);`);
  await expect(node.start()).rejects.toMatchObject({
    code: "NODE_DIED",
    message: expect.stringMatching(/^NODE_DIED: storage_broker died(.|\n)*17(.|\n)*log tail:\n.*about.*\n.*no luck/),
  });
  expect(node.isRunning()).toBe(false);
});

test("a node that never gets ready is an error with what was seen last, and it is killed", async () => {
  const node = await broker(`console.log("thinking"); process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);`);
  // So long that also on a busy machine it has said something.
  await expect(node.start({ budgetMs: 4_000 })).rejects.toMatchObject({
    code: "NODE_NOT_READY",
    message: expect.stringMatching(
      /^NODE_NOT_READY: storage_broker: waited 4000 ms in vain for: GET .*\n.*ECONNREFUSED(.|\n)*thinking/,
    ),
  });
  expect(node.isRunning()).toBe(false);
});

test("a port that somebody else has is an error that names them; their server is not taken for the node", async () => {
  const node = await broker(`setInterval(() => {}, 1000);`);
  const squatter = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\n")).listen(node.port, "127.0.0.1");
  await once(squatter, "listening");
  onTestFinished(() => void squatter.close());
  await expect(node.start({ budgetMs: 2_000 })).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringMatching(
      new RegExp(`^PORT_TAKEN: port ${node.port} is taken\n.*storage_broker\n.*pid ${process.pid} `),
    ),
  });
  expect(node.isRunning()).toBe(false);
});

test("who took a port, and let go of it again, is known by what the node says; what it said in an earlier start is past", async () => {
  const node = await broker(`
    import { existsSync, writeFileSync } from "node:fs";
    if (existsSync("been-here")) throw new Error("no luck today");
    writeFileSync("been-here", "");
    throw new Error("listen EADDRINUSE: address already in use 127.0.0.1:" + process.argv[2]);`);
  await expect(node.start()).rejects.toMatchObject({
    code: "PORT_TAKEN",
    message: expect.stringMatching(/^PORT_TAKEN: a port of storage_broker was taken.*\n.*\n {2}found: .*EADDRINUSE/),
    cause: { code: "NODE_DIED" },
  });
  await expect(node.start()).rejects.toMatchObject({ code: "NODE_DIED" });
});

test("a node is started again on its port at once after SIGKILL", async () => {
  const serve = `require("node:http").createServer((_, r) => r.end()).listen(+process.argv[2].split(":").at(-1), "127.0.0.1")`;
  const node = await broker(
    `import { createRequire } from "node:module"; const require = createRequire("/"); ${serve};`,
  );
  for (let round = 0; round < 3; round += 1) {
    await node.start();
    await node.kill9();
  }
});
