import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleText, programEnvironment } from "../../testing";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "daemon-test-"))));
afterAll(() => rm(dir, { recursive: true }));

async function run(name: string, body: string, options: { args?: string[]; signal?: NodeJS.Signals } = {}) {
  const path = join(dir, `${name}.cjs`);
  const text = `import { parseArguments, runDaemon } from "./index";\n${body}`;
  await writeFile(path, bundleText({ format: "cjs", text, resolveDir: import.meta.dirname }));
  const child = spawn(process.execPath, [path, ...(options.args ?? [])], { env: programEnvironment });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (options.signal !== undefined && chunk.includes("up and running")) child.kill(options.signal);
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

const LONG = `runDaemon("tester", async ({ log }) => {
  setInterval(() => {}, 1000);
  log.info("up and running");
  return { stop: async () => log.info("stopping in order") };
});`;

test("SIGTERM stops in order, SIGQUIT at once, and failures say why in one line", { timeout: 20_000 }, async () => {
  const [stuck, term, quit, failing, usage, version, rejected] = await Promise.all([
    run(
      "stuck",
      `runDaemon("tester", ({ log, shutdown }) => new Promise((_, reject) => {
        setInterval(() => {}, 1000);
        shutdown.addEventListener("abort", () => process.exit(7));
        log.info("up and running");
      }));`,
      { signal: "SIGTERM" },
    ),
    run("term", LONG, { signal: "SIGTERM" }),
    run("quit", LONG, { signal: "SIGQUIT" }),
    run("failing", `runDaemon("tester", async () => { throw new Error("no disk"); });`),
    run("usage", `runDaemon("tester", async ({ argv }) => { parseArguments({}, argv); throw 1; });`, { args: ["--x"] }),
    run("version", LONG, { args: ["--version"] }),
    run(
      "rejected",
      `runDaemon("tester", async () => { void Promise.reject(new Error("lost")); setInterval(() => {}, 1000); return { stop: async () => {} }; });`,
    ),
  ]);
  expect(term.output).toMatch(/ INFO Got signal SIGTERM.*\n.* INFO stopping in order\n$/);
  expect([term.code, quit.code, failing.code, usage.code, version.code, rejected.code]).toEqual([0, 111, 1, 2, 0, 1]);
  expect(stuck.code).toBe(7);
  expect(quit.output).not.toContain("stopping in order");
  expect(failing.output).toMatch(/^Error: no disk$/m);
  expect(usage.output).toMatch(/^error: unexpected argument '--x' found$/m);
  expect(version.output).toMatch(/^Neon tester embedded:\S+ failpoints: true, features: \["testing",.*\]\n$/);
  expect(rejected.output).toMatch(/ ERROR tester failed: Error: lost/);
});
