import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { isAlive, makeTestDirectory } from "../testing";
import { ClientRunner } from "./client-runner";
import { readDrivers } from "./driver";
import type { Driver } from "./driver";
import { runProgram } from "./run-program";
import { isAtLeast, missingTools } from "./toolchain";

const NODE = [process.execPath] as const;

/** A driver's folder as it stands in pg_clients/, with a program in Node.js. */
function plant(manifest: object, program = ""): Driver {
  const root = makeTestDirectory("clients");
  const folder = join(root, "node", "planted");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "main.js"), program);
  const whole = { tools: [{ command: [...NODE, "--version"] }], get: "g", run: [...NODE, "main.js"], ...manifest };
  writeFileSync(join(folder, "client.json"), JSON.stringify(whole));
  vi.stubEnv("NEON_TEST_CLIENT_CACHE", join(root, "cache"));
  return readDrivers(root)[0] as Driver;
}

const target = { host: "localhost", port: 1, database: "d", user: "u", password: "p", ca: "PEM" };

test.for([
  { version: "1.10.2", least: "1.9", is: true },
  { version: "1.9", least: "1.9.1", is: false },
  { version: "22.0.0", least: "20.19", is: true },
  { version: "3.8.7", least: "3.8.7", is: true },
])("$version is at least $least: $is", ({ version, least, is }) => {
  expect(isAtLeast(version, least)).toBe(is);
});

test.for([
  { command: ["no-such-tool-of-anybody"], says: "no no-such-tool-of-anybody: apt-get install it" },
  { command: [...NODE, "-e", "process.exit(2)"], says: "failed: apt-get install it" },
  { command: [...NODE, "--version"], atLeast: "999.0", says: "not 999.0 or later: apt-get install it" },
])("what is missing is said with the way to get it: $says", async ({ says, ...tool }) => {
  expect(await missingTools(plant({ tools: [tool], get: "apt-get install it" }))).toContain(says);
});

test("the host runner hands a program what it needs to connect, and nothing of the caller's own", async () => {
  vi.stubEnv("PGPASSWORD", "the caller's own");
  const program = `console.log(JSON.stringify({ ...process.env, ca: require("fs").readFileSync(process.env.NEON_CA, "utf8") }))`;
  const prepared = await new ClientRunner("host").prepare(plant({ environment: { HERE: "{dir}" } }, program));
  if ("skip" in prepared) throw new Error(prepared.skip);
  const scratch = makeTestDirectory("scratch");
  const { stdout, exitCode } = await prepared.run({ target, slotMs: 20_000, scratch });
  expect(exitCode).toBe(0);
  const seen = JSON.parse(stdout) as Record<string, string>;
  expect(seen).toMatchObject({ NEON_HOST: "localhost", NEON_PORT: "1", NEON_PASSWORD: "p", ca: "PEM" });
  expect(seen["HERE"]).toMatch(/node-planted-[0-9a-f]{16}\/planted$/);
  expect(seen).not.toHaveProperty("PGPASSWORD");
});

test("a program that changes is built again, as is one when what it shares does; one that doesn't is not", async () => {
  const build = [[...NODE, "-e", `require("fs").writeFileSync("built", String(process.pid))`]];
  const show = `console.log(require("../shared.js"), require("fs").readFileSync("built", "utf8"))`;
  const driver = plant({ build }, show);
  const share = (text: string): void => writeFileSync(join(driver.folder, "..", "shared.js"), text);
  share("module.exports = 'before'");
  const run = async (): Promise<string> => {
    const prepared = await new ClientRunner("host").prepare(driver);
    if ("skip" in prepared) throw new Error(prepared.skip);
    return (await prepared.run({ target, slotMs: 20_000, scratch: makeTestDirectory("scratch") })).stdout;
  };
  const first = await run();
  expect(first).toMatch(/^before \d+$/);
  expect(await run()).toBe(first);
  share("module.exports = 'after'");
  expect(await run()).toMatch(/^after \d+$/);
  writeFileSync(join(driver.folder, "main.js"), `${show} // changed`);
  const cache = join(driver.folder, "..", "..", "cache");
  const old = readdirSync(cache);
  expect(old).toHaveLength(2);
  const weeksAgo = new Date(Date.now() - 14 * 24 * 3600_000);
  for (const copy of old) utimesSync(join(cache, copy), weeksAgo, weeksAgo);
  expect(await run()).toMatch(/^after \d+$/);
  // What nothing has used for a week is gone.
  expect(readdirSync(cache).filter((copy) => old.includes(copy))).toEqual([]);
});

test("a registry that doesn't answer is a reason to skip for auto, an error for who asks for the host", async () => {
  const fetch = [[...NODE, "-e", `console.error("no registry"); process.exit(1)`]];
  const driver = plant({ fetch });
  await expect(new ClientRunner("auto").prepare(driver)).resolves.toMatchObject({
    skip: expect.stringMatching(/dependencies can't be had.*no registry.*; or (no Docker|its image)/s),
  });
  await expect(new ClientRunner("host").prepare(driver)).rejects.toThrow("no registry");
});

test("a program that doesn't compile is an error for everybody", async () => {
  const driver = plant({ build: [[...NODE, "-e", `console.error("line 7: nonsense"); process.exit(1)`]] });
  await expect(new ClientRunner("auto").prepare(driver)).rejects.toThrow(/COMMAND_FAILED.*line 7: nonsense/s);
});

test("a program that hangs, and what it has started, is killed when its time is up", async () => {
  const child = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`;
  const program = `
    const { pid } = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { detached: true });
    process.on("SIGTERM", () => {});
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const cwd = makeTestDirectory("hang");
  const end = await runProgram({ command: [...NODE, "-e", program], cwd, environment: {}, slotMs: 5000 });
  expect(end).toMatchObject({ isOverTime: true, exitCode: undefined });
  expect(end.stdout).toMatch(/^[0-9]+$/);
  expect(isAlive(Number(end.stdout))).toBe(false);
});

test.for([
  { manifest: { run: undefined }, says: "no run" },
  { manifest: { lock: ["poetry.lock"] }, says: "poetry.lock, which is not there" },
  { manifest: { lacks: { hope: "there is none" } }, says: "hope, which is no check" },
])("a manifest that can't be used is told of: $says", ({ manifest, says }) => {
  expect(() => plant(manifest)).toThrow(says);
});

test("an unknown runner is refused", () => {
  expect(() => ClientRunner.fromEnvironment({ NEON_TEST_CLIENT_RUNNER: "cloud" })).toThrow(/host, container or auto/);
});
