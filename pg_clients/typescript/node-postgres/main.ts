import { readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import copy from "pg-copy-streams";
import { runPgChecks } from "../pg-interface.mjs";
import { total } from "../program.mjs";

const { NEON_HOST, NEON_PORT, NEON_DATABASE, NEON_USER, NEON_PASSWORD, NEON_CA } = process.env;

const settings: pg.ClientConfig = {
  host: NEON_HOST,
  port: Number(NEON_PORT ?? 5432),
  database: NEON_DATABASE,
  user: NEON_USER,
  password: NEON_PASSWORD,
  // pg verifies chain and host name when it is given an object.
  ssl: NEON_CA ? { ca: readFileSync(NEON_CA, "utf8") } : {},
  connectionTimeoutMillis: 15_000,
};

async function copied(client: pg.Client): Promise<string> {
  const lines = Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`);
  await pipeline(lines, client.query(copy.from("copy numbers from stdin")));
  let text = "";
  for await (const chunk of client.query(copy.to("copy numbers to stdout"))) text += String(chunk);
  return total(text.trim().split("\n").map(Number));
}

await runPgChecks(
  () => new pg.Client(settings),
  (client) => () => copied(client),
);
