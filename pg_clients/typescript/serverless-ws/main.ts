import { Client, neonConfig } from "@neondatabase/serverless";
import WebSocket from "ws";
import { runPgChecks } from "../pg-interface.mjs";

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_PROXY } = process.env;

// Node before 22 has no WebSocket of its own; ws trusts what NODE_EXTRA_CA_CERTS names.
neonConfig.webSocketConstructor = WebSocket;
// A cloud Neon's proxy is at the endpoint's own host.
if (NEON_PROXY) neonConfig.wsProxy = `${NEON_PROXY}/v2`;

const settings = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  connectionTimeoutMillis: 15_000,
};

await runPgChecks(
  () => new Client(settings),
  () => ({ lacks: "the driver has no COPY" }),
);
