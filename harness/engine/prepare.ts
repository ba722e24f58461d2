import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { detectEngine } from "./detect";
import { encodeEngine } from "./engine";
import type { Engine } from "./engine";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Builds what runs as bundles (the embedded engine, the S3 server) if its sources are newer, finds the engine, and lets child processes know it. */
export async function prepareEngine(): Promise<Engine> {
  await buildBundles();
  const engine = await detectEngine();
  process.env["NEON_TEST_ENGINE"] = encodeEngine(engine);
  return engine;
}

/** The harness' own tests are about the embedded engine, whichever one the run's other tests use. */
export async function prepareEmbeddedEngine(): Promise<void> {
  const { NEON_BIN: bin, POSTGRES_DISTRIB_DIR: distrib, NEON_TEST_ENGINE: known, ...env } = process.env;
  const isTheSame = !bin && !distrib && known !== undefined;
  if (!isTheSame) await buildBundles();
  process.env["NEON_TEST_EMBEDDED_ENGINE"] = isTheSame ? known : encodeEngine(await detectEngine(env));
}

async function buildBundles(): Promise<void> {
  await execa("node", ["scripts/build-engine.mjs", "--if-stale"], { cwd: PROJECT, stdio: "inherit" });
}
