import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepareEngine } from "../harness/engine";
import { NeonEnvBuilder, TestDirectory } from "../harness/env";
import {
  countByGroup,
  recordingDirectory,
  replayRecordedAnswers,
  unlistedDifferences,
  writeDifferences,
} from "../harness/golden";
import type { ReplayReport } from "../harness/golden";
import { PortPool } from "../harness/ports";
import { beginRun } from "../harness/process";
import { HarnessError } from "../harness/types";

/**
 * `npm run golden [-- --golden DIR] [--write]`: replays the recorded answers against the engine that the environment
 * names. Exits with 1 for a difference that docs/engine-differences.md doesn't list; `--write` lists what was found.
 */
const { values } = parseArgs({ options: { golden: { type: "string" }, write: { type: "boolean", default: false } } });

async function replay(directory: string): Promise<ReplayReport> {
  const engine = await prepareEngine();
  console.log(engine.describe());
  const run = await beginRun();
  await using ports = await PortPool.lease();
  const place = TestDirectory.create(join(tmpdir(), "neon-golden"), `${process.pid}`, engine.facts.identity);
  const builder = new NeonEnvBuilder({ engine, pgVersion: engine.defaultPgVersion(), directory: place, ports });
  try {
    return await replayRecordedAnswers(builder, directory);
  } finally {
    // The calls provoke errors on purpose, so the checks at the end of a test have nothing to say here.
    await builder.env?.tearDown({ passed: false });
    place.remove();
    await run.finish({ interrupted: false });
  }
}

const directory = recordingDirectory(values.golden);
if (directory === undefined) {
  throw new HarnessError("BAD_ARGUMENT", {
    summary: "there are no recorded answers",
    expected: "a directory with http/INDEX.md",
    found: values.golden ?? "../shared/reference/golden without it",
    todo: "name the directory: npm run golden -- --golden DIR",
  });
}
const report = await replay(directory);
for (const [group, { equal, different, notReplayed }] of countByGroup(report)) {
  console.log(`${group}: ${equal} equal, ${different} different, ${notReplayed} not replayed`);
}
if (values.write) writeDifferences(report);
const fresh = unlistedDifferences(report);
for (const line of fresh) console.log(line);
process.exitCode = fresh.length > 0 ? 1 : 0;
