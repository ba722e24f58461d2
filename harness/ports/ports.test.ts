import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { PortPool, assertPortFree } from ".";
import { BLOCK_SIZE } from "./port-block";
import { listenersOn } from "./port-holder";

const take = async (lease: { next(): Promise<number> }, count: number): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, async () => lease.next()));

async function listenOn(port: number): Promise<AsyncDisposable> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return { [Symbol.asyncDispose]: async () => void (await once(server.close(), "close")) };
}

test("ports are below the ephemeral range, and none comes twice, also beyond one block", async () => {
  await using lease = await PortPool.lease();
  const ports = await take(lease, BLOCK_SIZE + 6);
  expect(new Set(ports).size).toBe(BLOCK_SIZE + 6);
  expect(ports.every((port) => port >= 15_000 && port < 32_768)).toBe(true);
});

test("two leases of one process are disjoint", async () => {
  await using one = await PortPool.lease();
  await using two = await PortPool.lease();
  const [first, second] = [await take(one, 20), await take(two, 20)];
  expect(first.filter((port) => second.includes(port))).toEqual([]);
});

test("a port on which somebody listens is not given", async () => {
  await using lease = await PortPool.lease();
  const [port] = await take(lease, 1);
  if (port === undefined) throw new Error("no port");
  await using _squatter = await listenOn(port + 1);
  expect(await lease.next()).toBe(port + 2);
});

test("a released port comes again, after the others", async () => {
  await using lease = await PortPool.lease();
  const ports = await take(lease, BLOCK_SIZE - 1);
  const [first] = ports;
  lease.release(first ?? 0);
  lease.release(first ?? 0);
  lease.release(1);
  expect(await lease.next()).toBe(first);
  expect(ports).not.toContain(await lease.next());
});

/** Leases in a process of its own, prints its ports, and holds them until it is killed. */
function leaseElsewhere() {
  const index = JSON.stringify(new URL("index.ts", import.meta.url).href);
  const program = `const { PortPool } = await import(${index}); const lease = await PortPool.lease();
    const ports = []; for (let i = 0; i < 10; i++) ports.push(await lease.next());
    console.log(JSON.stringify(ports)); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ports = once(createInterface(child.stdout), "line").then(([line]) => JSON.parse(String(line)) as number[]);
  return { child, ports };
}

test("processes that lease at the same time get disjoint ports, and the kernel frees those of a killed one", async () => {
  const others = [leaseElsewhere(), leaseElsewhere(), leaseElsewhere()];
  try {
    const all = (await Promise.all(others.map(async (other) => other.ports))).flat();
    expect(new Set(all).size).toBe(30);
    const lock = Math.min(...((await others[0]?.ports) ?? [])) - 1;
    await expect(assertPortFree(lock)).rejects.toThrow("PORT_TAKEN");
    others[0]?.child.kill("SIGKILL");
    if (others[0] !== undefined) await once(others[0].child, "exit");
    await assertPortFree(lock);
  } finally {
    for (const other of others) other.child.kill("SIGKILL");
  }
});

test("a taken port is an error that names its holder", async () => {
  await using lease = await PortPool.lease();
  const port = await lease.next();
  await assertPortFree(port);
  await using _squatter = await listenOn(port);
  await expect(assertPortFree(port, "the pageserver")).rejects.toThrow(
    new RegExp(
      `^PORT_TAKEN: port ${port} is taken\\n.*the pageserver\\n {2}found: pid ${process.pid} \\(.+\\) listens on it`,
    ),
  );
});

test("only listeners of that port are found in the kernel's table", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0
   1: 0100007F:3A98 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0
   2: 0100007F:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0`;
  expect(listenersOn(15_000, table)).toEqual(["111"]);
});
