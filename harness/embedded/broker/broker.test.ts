import { loadPackageDefinition, credentials, type ServiceClientConstructor } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TenantId, TimelineId } from "../../types";
import { createLogger } from "../service";
import { BrokerClient, type SafekeeperTimelineInfo } from "./client";
import { frame, SERVICE_PATH } from "./framing";
import { decodeSafekeeperTimelineInfo, encodeSafekeeperTimelineInfo, encodeSubscribeRequest } from "./messages";
import { BROKER_SCHEMA } from "./schema.test-data";
import { type BrokerServer, startBroker } from "./server";

const lines: string[] = [];
const log = createLogger((line) => lines.push(line), "info");
const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  const loud = lines.splice(0).filter((line) => /\s(ERROR|WARN)/.test(line));
  expect(loud).toEqual([]);
});

async function broker(port = 0): Promise<BrokerServer> {
  const server = await startBroker({ host: "127.0.0.1", port, log });
  cleanups.push(() => server.close());
  return server;
}

function client(port: number): BrokerClient {
  const created = new BrokerClient({ endpoint: `http://localhost:${port}/`, log });
  cleanups.push(() => created.close());
  return created;
}

function info(overrides: Partial<SafekeeperTimelineInfo> = {}): SafekeeperTimelineInfo {
  return {
    safekeeperId: 1n,
    tenantId: TenantId.generate(),
    timelineId: TimelineId.generate(),
    lastLogTerm: 2n,
    flushLsn: 0x16b5a50n,
    commitLsn: 0x16b5a48n,
    backupLsn: 0n,
    remoteConsistentLsn: 0xffff_ffff_ffff_ffffn,
    peerHorizonLsn: 1n << 32n,
    localStartLsn: 0x14ec3a8n,
    safekeeperConnstr: "127.0.0.1:5454",
    availabilityZone: "sk-1",
    term: 3n,
    httpConnstr: "127.0.0.1:7676",
    standbyHorizon: 127n,
    ...overrides,
  };
}

/** Subscribes and resolves once the broker has taken the subscription. */
async function subscribed(to: BrokerClient, filter: Parameters<BrokerClient["subscribe"]>[0]) {
  const received: SafekeeperTimelineInfo[] = [];
  let connections = 0;
  const subscription = to.subscribe(filter, (message) => received.push(message), { onConnected: () => connections++ });
  await vi.waitFor(() => expect(connections).toBe(1), { interval: 5 });
  return { received, subscription, connections: () => connections };
}

describe("storage broker", () => {
  test("a message survives encoding, with and without the optional zone", () => {
    const { availabilityZone: _, ...withoutZone } = info();
    for (const message of [info(), withoutZone]) {
      expect(decodeSafekeeperTimelineInfo(encodeSafekeeperTimelineInfo(message))).toEqual(message);
    }
  });

  test("routes news to those who asked for all or for this timeline", async () => {
    const { port } = await broker();
    const message = info();
    const all = await subscribed(client(port), "all");
    const same = await subscribed(client(port), message);
    const other = await subscribed(client(port), info());
    client(port).publisher().publish(message);
    await vi.waitFor(() => expect([all.received, same.received]).toEqual([[message], [message]]), { interval: 5 });
    expect(other.received).toEqual([]);
  });

  test("a closed subscription hears nothing more, others on the same connection do", async () => {
    const { port } = await broker();
    const listener = client(port);
    const gone = await subscribed(listener, "all");
    const stays = await subscribed(listener, "all");
    gone.subscription.close();
    const publisher = client(port).publisher();
    publisher.publish(info());
    await vi.waitFor(() => expect(stays.received).toHaveLength(1), { interval: 5 });
    publisher.publish(info());
    await vi.waitFor(() => expect(stays.received).toHaveLength(2), { interval: 5 });
    expect(gone.received.length).toBeLessThan(2);
    expect(stays.connections()).toBe(1);
  });

  test("clients come back after a broker restart; what was published meanwhile arrives in its latest state", async () => {
    const first = await broker();
    const subscriber = await subscribed(client(first.port), "all");
    const publisher = client(first.port).publisher();
    const message = info();
    publisher.publish(message);
    await vi.waitFor(() => expect(subscriber.received).toHaveLength(1), { interval: 5 });
    await first.close();
    await vi.waitFor(() => expect(lines.filter((line) => line.includes("not reachable")).length).toBeGreaterThan(2));
    publisher.publish({ ...message, flushLsn: 7n });
    publisher.publish({ ...message, flushLsn: 8n });
    await broker(first.port);
    await vi.waitFor(() => expect(subscriber.connections()).toBe(2), { interval: 5, timeout: 3000 });
    publisher.publish({ ...message, flushLsn: 9n });
    await vi.waitFor(() => expect(subscriber.received.at(-1)?.flushLsn).toBe(9n), { interval: 5, timeout: 3000 });
    expect(subscriber.received.map((received) => received.flushLsn)).not.toContain(7n);
  });

  test("HTTP/1 on the same port: status, metrics with the counts, 404", async () => {
    const { port } = await broker();
    const { received } = await subscribed(client(port), "all");
    client(port).publisher().publish(info());
    await vi.waitFor(() => expect(received).toHaveLength(1), { interval: 5 });
    expect((await fetch(`http://127.0.0.1:${port}/status`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/nope`)).status).toBe(404);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain("storage_broker_processed_messages_total 1\n");
    expect(metrics).toContain("storage_broker_broadcasted_messages_total 1\n");
    expect(metrics).toContain("storage_broker_all_keys_active_subscribers 1\n");
    expect(metrics).toContain("storage_broker_active_publishers 1\n");
  });

  test("a request that arrives byte by byte is still told apart", async () => {
    const { port } = await broker();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    cleanups.push(() => void socket.destroy());
    await once(socket, "connect");
    socket.write("P");
    socket.write("UT /status HTTP/1.1\r\nhost: x\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 404 Not Found/);
  });

  test("a subscriber that does not read loses messages, not the broker its memory", async () => {
    const { port } = await broker();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const slow = session.request({
      ":method": "POST",
      ":path": `${SERVICE_PATH}SubscribeSafekeeperInfo`,
      "content-type": "application/grpc",
    });
    slow.end(frame(encodeSubscribeRequest("all")));
    await once(slow, "response");
    const fast = await subscribed(client(port), "all");
    const publisher = client(port).publisher();
    const messages = Array.from({ length: 4000 }, () => info({ safekeeperConnstr: "x".repeat(1000) }));
    for (const message of messages) publisher.publish(message);
    await vi.waitFor(() => expect(fast.received).toHaveLength(messages.length), { interval: 5, timeout: 5000 });
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const sent = Number(/^storage_broker_broadcasted_messages_total (\d+)/m.exec(metrics)?.[1]);
    expect(sent).toBeGreaterThanOrEqual(messages.length);
    expect(sent).toBeLessThan(2 * messages.length);
  });
});

interface GrpcStream {
  on(event: string, listener: (value: never) => void): void;
  pause(): void;
  cancel(): void;
  addListener: NodeJS.EventEmitter["addListener"];
}
type GrpcClient = NodeJS.EventEmitter & {
  SubscribeSafekeeperInfo(request: object): GrpcStream & NodeJS.EventEmitter;
  SubscribeByFilter(request: object): GrpcStream & NodeJS.EventEmitter;
  PublishSafekeeperInfo(done: (error: Error | null) => void): { write(message: object): void; end(): void };
  PublishOne(message: object, done: (error: Error | null) => void): void;
  close(): void;
};

/** Google's own gRPC and protobuf for JavaScript: an independent witness that we speak the protocol. */
function grpcClient(port: number): GrpcClient {
  const loaded = loadPackageDefinition(
    fromJSON(BROKER_SCHEMA as Parameters<typeof fromJSON>[0], { longs: String, defaults: true, keepCase: true }),
  );
  const { BrokerService } = loaded["storage_broker"] as unknown as { BrokerService: ServiceClientConstructor };
  const created = new BrokerService(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as GrpcClient;
  cleanups.push(() => created.close());
  return created;
}

describe("storage broker and another gRPC implementation", () => {
  const ids = (message: SafekeeperTimelineInfo) => ({
    tenant_id: Buffer.from(message.tenantId, "hex"),
    timeline_id: Buffer.from(message.timelineId, "hex"),
  });

  test("what it publishes reaches our subscriber, and the reverse", async () => {
    const { port } = await broker();
    const grpc = grpcClient(port);
    const ours = await subscribed(client(port), "all");
    const message = info();
    const stream = grpc.SubscribeSafekeeperInfo({ tenant_timeline_id: ids(message) });
    stream.on("error", () => undefined);
    cleanups.push(() => stream.cancel());
    await once(stream, "metadata");
    const firstData = once(stream, "data");
    const published = new Promise<Error | null>((resolve) => {
      const call = grpc.PublishSafekeeperInfo(resolve);
      call.write({ safekeeper_id: "1", tenant_timeline_id: ids(message), flush_lsn: "23812688", http_connstr: "h" });
      call.end();
    });
    expect(await published).toBeNull();
    await vi.waitFor(() => expect(ours.received[0]).toMatchObject({ flushLsn: 23812688n, httpConnstr: "h" }));
    expect((await firstData)[0]).toMatchObject({ safekeeper_id: "1", flush_lsn: "23812688" });
    const secondData = once(stream, "data");
    client(port).publisher().publish(message);
    expect((await secondData)[0]).toMatchObject({
      remote_consistent_lsn: "18446744073709551615",
      availability_zone: "sk-1",
      standby_horizon: "127",
      tenant_timeline_id: ids(message),
    });
  });

  test("PublishOne and SubscribeByFilter carry typed messages", async () => {
    const { port } = await broker();
    const grpc = grpcClient(port);
    const message = info();
    const stream = grpc.SubscribeByFilter({
      types: [{ type: 3 }],
      tenant_timeline_id: { enabled: true, tenant_timeline_id: ids(message) },
    });
    stream.on("error", () => undefined);
    cleanups.push(() => stream.cancel());
    await once(stream, "metadata");
    const data = once(stream, "data");
    const publishOne = (typed: object) =>
      new Promise<Error | null>((resolve) => grpc.PublishOne(typed, (error) => resolve(error)));
    await publishOne({ type: 2, safekeeper_timeline_info: { tenant_timeline_id: ids(message) } });
    expect(
      await publishOne({ type: 3, safekeeper_discovery_request: { tenant_timeline_id: ids(message) } }),
    ).toBeNull();
    expect((await data)[0]).toMatchObject({ safekeeper_discovery_request: { tenant_timeline_id: ids(message) } });
    expect(await publishOne({ type: 2 })).toMatchObject({ code: 3, details: "missing message of type 2" });
  });
});
