import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { detectEngine } from "./detect";
import { encodeEngine } from "./engine";
import type { Engine } from "./engine";

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Builds what runs as bundles (the embedded engine, the S3 server) if its sources are newer, finds the engine, and lets
 * child processes know it.
 */
export async function prepareEngine(): Promise<Engine> {
  await build("build-engine.mjs");
  const engine = await detectEngine();
  process.env["NEON_TEST_ENGINE"] = encodeEngine(engine);
  return engine;
}

/** The harness' own tests are about the embedded engine, whichever one the run's other tests use. */
export async function prepareEmbeddedEngine(): Promise<void> {
  const { NEON_BIN: bin, POSTGRES_DISTRIB_DIR: distrib, NEON_TEST_ENGINE: known, ...env } = process.env;
  const isTheSame = !bin && !distrib && known !== undefined;
  if (!isTheSame) await build("build-engine.mjs");
  process.env["NEON_TEST_EMBEDDED_ENGINE"] = isTheSame ? known : encodeEngine(await detectEngine(env));
}

/** For tests that run the command: bundles it where its sources are newer. */
export async function buildCommand(): Promise<void> {
  await build("build-command.mjs");
}

async function build(script: string): Promise<void> {
  // The launcher of the command has built what was stale; an installed package is never stale.
  if (process.env["NEON_TEST_BUILT"] === "1") return;
  await execa("node", [`scripts/${script}`, "--if-stale"], { cwd: PROJECT, stdio: "inherit" });
}
