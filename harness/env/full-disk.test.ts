import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { embeddedEngine } from "../nodes/testing/stand-ins";
import { PortPool } from "../ports";
import { isAlive, makeTestDirectory } from "../testing";
import type { HarnessError } from "../types";
import { NeonEnvBuilder } from "./neon-env-builder";
import { TestDirectory } from "./test-directory";

/** A disk of this size; undefined where we may not mount one. */
function tinyDisk(size: string): string | undefined {
  const dir = makeTestDirectory("neon-tiny-disk");
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "neon-test", dir]);
  if (mounted.status !== 0) return undefined;
  onTestFinished(() => void spawnSync("umount", ["--lazy", dir]));
  return dir;
}

test.for([
  ["8k", "not even for the configuration"],
  ["1m", "for the nodes, but for no tenant"],
])("an environment that has room (%s) %s is one error, and nothing runs on", async ([size], { skip }) => {
  const disk = tinyDisk(size ?? "");
  if (disk === undefined) return skip("only root can mount a small disk");
  const engine = embeddedEngine();
  await using ports = await PortPool.lease();
  const directory = TestDirectory.create(join(disk, "output"), "full disk", engine.facts.identity);
  const ground = { engine, pgVersion: engine.defaultPgVersion(), directory, ports };
  const builder = new NeonEnvBuilder(ground, { numSafekeepers: 3 });
  const error: unknown = await builder.initStart().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "DISK_FULL", fault: "system" });
  expect((error as HarnessError).message).toMatch(
    /^DISK_FULL: .*\n {2}expected: .*\n {2}found: (.|\n)*\n {2}to do: .*TEST_OUTPUT/,
  );
  const env = builder.env;
  const nodes = env === undefined ? [] : [env.storageController, env.broker, ...env.safekeepers, ...env.pageservers];
  const pids = nodes.flatMap((node) => node.pid ?? []);
  await env?.tearDown({ passed: false });
  expect(pids.filter(isAlive)).toEqual([]);
  expect(directory.keep()).toBe(directory.path);
});
