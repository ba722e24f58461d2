import "../service/small-heap";
import { startBroker } from "../broker/server";
import { parseArguments, parseHostPort, runDaemon } from "../service";

runDaemon("storage_broker", async ({ log, argv }) => {
  const flags = parseArguments(
    {
      "listen-addr": { short: "l", kind: "string", default: "127.0.0.1:50051" },
      "timeline-chan-size": { kind: "number" },
      "all-keys-chan-size": { kind: "number" },
      "http2-keepalive-interval": { kind: "string" },
      "log-format": { kind: "string" },
    },
    argv,
  );
  const broker = await startBroker({ ...parseHostPort(flags["listen-addr"]), log });
  log.info(`listening on ${flags["listen-addr"]}`);
  return { stop: () => broker.close() };
});
