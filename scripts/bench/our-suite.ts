import { join } from "node:path";
import { execa } from "execa";
import type { Engine } from "../../harness/engine";
import { NeonEnvBuilder, TestDirectory } from "../../harness/env";
import type { NeonEnvSettings } from "../../harness/env";
import type { PortLease } from "../../harness/ports";
import { HarnessError } from "../../harness/types";
import { PACKAGE_ROOT } from "../project";
import type { Behaviour } from "./behaviours";
import type { TestPhases } from "./phases";

/** The same test as `original/test_one_second.py`: what the fixtures do, without vitest around it. */
export async function runOurPlainest(
  engine: Engine,
  ports: PortLease,
  workDir: string,
  settings: Partial<NeonEnvSettings> = {},
): Promise<TestPhases> {
  const started = performance.now();
  const directory = TestDirectory.create(join(workDir, "ours"), "one-second", engine.facts.identity);
  const builder = new NeonEnvBuilder({ engine, pgVersion: engine.defaultPgVersion(), directory, ports }, settings);
  try {
    const env = await builder.initStart();
    const ready = performance.now();
    const endpoint = await env.endpoints.createStart("main");
    await endpoint.sql`select 1`;
    const done = performance.now();
    await env.tearDown({ passed: true });
    directory.remove();
    const gone = performance.now();
    const seconds = { setUp: ready - started, body: done - ready, tearDown: gone - done };
    return { test: "one-second", passed: true, ...inSeconds(seconds) };
  } catch (error) {
    await builder.env?.tearDown({ passed: false });
    throw error;
  }
}

const inSeconds = <T extends Record<string, number>>(ms: T): T =>
  Object.fromEntries(Object.entries(ms).map(([name, value]) => [name, value / 1000])) as T;

/** Seconds from the start of `neon-test` to its end; throws COMMAND_FAILED unless just these tests ran and passed. */
export async function runOurs(behaviours: readonly Behaviour[], workers: number, workDir: string): Promise<number> {
  const tests = behaviours.map((each) => splitName(each.ours));
  const files = [...new Set(tests.map(({ file }) => join(PACKAGE_ROOT, "regress", `${file}.test.ts`)))];
  const names = tests.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = `--testNamePattern=^(?:${names.join("|")})$`;
  const started = performance.now();
  const { exitCode, all } = await execa(
    join(PACKAGE_ROOT, "scripts", "neon-test"),
    [...files, "-n", `${workers}`, "--", pattern],
    {
      cwd: PACKAGE_ROOT,
      reject: false,
      all: true,
      stdin: "ignore",
      env: { TEST_OUTPUT: join(workDir, "ours") },
    },
  );
  const seconds = (performance.now() - started) / 1000;
  const passed = Number(/^(\d+) passed, /m.exec(all)?.[1] ?? 0);
  if (exitCode === 0 && passed === tests.length) return seconds;
  throw new HarnessError("COMMAND_FAILED", {
    summary: `${passed} of our ${tests.length} tests passed`,
    expected: "tests that pass; the time of any other says nothing",
    logTail: all.trimEnd().split("\n").slice(-40).join("\n"),
  });
}

function splitName(ours: string): { file: string; name: string } {
  const [file = "", ...name] = ours.split(" > ");
  return { file, name: name.join(" > ") };
}
