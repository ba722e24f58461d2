import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { isLongRun } from "../harness/testing";
import { InlineSuite, lastLine } from "./testing/inline-suite";

/** Somebody who takes random ports of the harness' range, holds hundreds at any time, and takes many each second. */
const STRANGER = `
const { createServer } = require("node:net");
let taken = 0;
const held = [];
const take = () => {
  const port = 15000 + Math.floor(Math.random() * 17000);
  const server = createServer((socket) => socket.destroy());
  server.on("error", () => {});
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => { taken += 1; held.push(server); });
  if (held.length > 400) held.shift().close();
};
setInterval(() => { for (let i = 0; i < 4; i++) take(); }, 2);
setInterval(() => console.log(taken), 500);
`;

function startStranger(): Disposable & { taken: () => number } {
  const child = spawn(process.execPath, ["-e", STRANGER], { stdio: ["ignore", "pipe", "inherit"] });
  let taken = 0;
  createInterface(child.stdout).on("line", (line) => (taken = Number(line)));
  return { taken: () => taken, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

const count = isLongRun ? 200 : 2;

test(
  `${count} environments start while a stranger takes random ports of our range`,
  { timeout: 60_000 + count * 10_000 },
  async () => {
    using stranger = startStranger();
    using suite = new InlineSuite({
      one: `for (let n = 1; n <= ${count / 2}; n++) test("one " + n, async ({ neonSimpleEnv: env }) => expect(env.broker.isRunning()).toBe(true));`,
      two: `for (let n = 1; n <= ${count / 2}; n++) test("two " + n, async ({ neonSimpleEnv: env }) => expect(env.broker.isRunning()).toBe(true));`,
    });
    const { stdout, stderr } = await suite.start(["-n", "2"], {}, 60_000 + count * 10_000);
    expect(`${stderr}${lastLine(stdout)}`).toBe(`${count} passed, 0 failed, 0 skipped`);
    expect(stranger.taken()).toBeGreaterThan(100);
  },
);

/** Takes, in a process of its own, blocks of ports until it has as many as asked, prints them, and holds them. */
function leaseElsewhere(ports: number) {
  const index = JSON.stringify(new URL("../harness/ports/index.ts", import.meta.url).href);
  const program = `const { PortPool } = await import(${index}); const lease = await PortPool.lease(); const ports = [];
    for (let i = 0; i < ${ports}; i++) ports.push(await lease.next());
    console.log(JSON.stringify(ports)); setInterval(() => undefined, 1000);`;
  const args = ["--import", "tsx", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const line = once(createInterface(child.stdout), "line").then(([text]) => JSON.parse(String(text)) as number[]);
  return { child, line };
}

test.runIf(isLongRun)("10,000 leases by 16 processes at once: no port twice", { timeout: 300_000 }, async () => {
  const others = Array.from({ length: 16 }, () => leaseElsewhere(625));
  try {
    const all = (await Promise.all(others.map(async ({ line }) => line))).flat();
    expect(all).toHaveLength(10_000);
    expect(new Set(all).size).toBe(10_000);
  } finally {
    for (const { child } of others) child.kill("SIGKILL");
  }
});
