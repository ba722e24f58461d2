import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createRegistry, errorText, HttpService, type Logger, metricsRoute } from "../service";
import { BrokerService } from "./grpc-server";
import { detectHttp2 } from "./detect-http2";
import { Hub } from "./hub";
import { addBrokerMetrics } from "./metrics";

export interface BrokerServer {
  readonly port: number;
  close(): Promise<void>;
}

function createHttp1(log: Logger, hub: Hub, service: BrokerService): ReturnType<typeof createHttpServer> {
  const http = new HttpService(log);
  http.route("GET", "/status", () => null);
  const registry = createRegistry();
  addBrokerMetrics(registry, hub, service);
  metricsRoute(http, registry);
  return createHttpServer({ keepAliveTimeout: 0 }, (request, response) => http.handle(request, response));
}

/** One port for both: a connection that begins with HTTP/2's preface is gRPC, any other is HTTP/1. */
export async function startBroker(options: { host: string; port: number; log: Logger }): Promise<BrokerServer> {
  const { host, port, log } = options;
  const hub = new Hub();
  const service = new BrokerService(hub, log);
  const http1 = createHttp1(log, hub, service);
  const http2 = createHttp2Server();
  http2.on("stream", (stream, headers) => service.handle(stream, headers));
  http2.on("sessionError", (error) => log.debug(`session failed: ${errorText(error)}`));
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", (error) => log.debug(`connection failed: ${errorText(error)}`));
    detectHttp2(socket, (isHttp2) => {
      (isHttp2 ? http2 : http1).emit("connection", socket);
      // The HTTP/1 server only listens; the HTTP/2 session reads by itself what is buffered.
      if (!isHttp2) socket.resume();
    });
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
