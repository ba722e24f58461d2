import { join, resolve } from "node:path";
import { buildCommand, prepareEmbeddedEngine, prepareEngine } from "../../harness/engine";
import type { Engine } from "../../harness/engine";
import { requireOutputDirectory } from "../../harness/env";
import { remoteStorageOfRun } from "../../harness/storage";
import { PgVersion } from "../../harness/types";
import type { Project } from "../project";
import type { TestInvocation } from "./test-options";
import { chooseVersions } from "./versions";
import type { Suite } from "./vitest/suites.ts";

export interface Prepared {
  readonly engine: Engine;
  readonly versions: readonly PgVersion[];
}

/** Finds the engine and puts into the environment what the workers have to know; prints the first line. */
export async function prepare(
  { options }: TestInvocation,
  project: Project,
  suites: readonly Suite[],
): Promise<Prepared> {
  const output = resolve(process.env["TEST_OUTPUT"] || join(project.root, "test_output"));
  process.env["TEST_OUTPUT"] = output;
  requireOutputDirectory(output);
  // Its warning that later versions will need Node 22 would stand in every worker's output.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const engine = await prepareEngine();
  if (suites.includes("harness")) {
    await prepareEmbeddedEngine();
    await buildCommand();
  }
  setOrDelete("NEON_TEST_PRESERVE_DATABASE_FILES", options.preserveDatabaseFiles ? "1" : undefined);
  setOrDelete("NEON_TEST_STREAM_LOGS", options.stream ? "1" : undefined);
  setOrDelete("NEON_TEST_KEEP", options.keep);
  setOrDelete("NEON_TEST_CLIENT_RUNNER", options.runner);
  setOrDelete("NEON_TEST_TAGS", tagsAskedFor(options));
  const versions = chooseVersions(engine, options.pgVersion);
  if (!options.json) process.stdout.write(`${firstLine(engine, versions)}\n`);
  return { engine, versions };
}

/** Slow and remote tests run only when somebody names them. */
function tagsAskedFor({ tags = "", slow }: TestInvocation["options"]): string {
  return [...(tags.match(/[\w-]+/g) ?? []), ...(slow ? ["slow"] : [])].join(",");
}

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

function firstLine(engine: Engine, versions: readonly PgVersion[]): string {
  const user = engine.facts.identity === undefined ? "" : `, nodes run as ${engine.facts.identity.name}`;
  const running = versions.map((version) => PgVersion.dirName(version)).join(", ");
  return `neon-test: ${engine.describe()}; running on ${running}, storage ${remoteStorageOfRun()}${user}`;
}
