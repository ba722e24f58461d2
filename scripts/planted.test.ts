import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InlineSuite } from "./testing/inline-suite";
import { PACKAGE_ROOT } from "./project";

/** What a plant does when its test says so: by then the node is ready, however busy the machine is. */
const WHEN_TOLD = `const whenTold = (act) => {
  const look = setInterval(() => { if (require("fs").existsSync(__filename + ".go")) { clearInterval(look); act(); } }, 20);
};`;

/** What nodes do wrong, as a script that node.js loads before the node's own. */
const PLANTS = {
  crashes: `whenTold(() => { console.error("2026-01-01T00:00:00Z ERROR giving up"); process.exit(3); })`,
  "crashes at once": `console.error("cannot read my configuration"); process.exit(4)`,
  hangs: `const on = process.on; process.on = function (name, f) { return name === "SIGQUIT" ? this : on.call(this, name, f); };
    whenTold(() => { for (;;); })`,
  "never gets ready": `const { Server } = require("http"); const { emit } = Server.prototype;
    Server.prototype.emit = function (name, ...rest) { return name === "request" || emit.call(this, name, ...rest); };`,
  floods: `setInterval(() => process.stderr.write(("2026-01-01T00:00:00Z WARN again and again " + "x".repeat(300) + "\\n").repeat(500)), 50)`,
  "ignores SIGTERM": `const on = process.on; process.on = function (name, f) { return on.call(this, name, name === "SIGTERM" ? () => {} : f); };`,
  "forks away": `require("child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref()`,
};

const start = (plant: string) => `
  const env = await neonEnvBuilder.initConfigs();
  await Promise.all([env.broker.start(), env.storageController.start()]);
  const plant = process.env.SCRATCH + "/${plant.replaceAll(" ", "-")}.cjs";
  await env.pageserver.start({ budgetMs: ${plant === "never gets ready" ? 4_000 : 30_000}, environment: { NODE_OPTIONS: "--require " + plant } });`;

const nodes = `
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
const tell = (plant) => writeFileSync(plant + ".go", "");
test("crashes", async ({ neonEnvBuilder }) => { ${start("crashes")} tell(plant); await env.pageserver.exited(); });
test("crashes at once", async ({ neonEnvBuilder }) => { ${start("crashes at once")} });
test("hangs", { timeout: 10_000 }, async ({ neonEnvBuilder }) => { ${start("hangs")}
  await env.storageController.waitUntilActive([1], 60_000);
  tell(plant);
  await env.storageController.waitUntilActive([9], 60_000); });
test("never gets ready", async ({ neonEnvBuilder }) => { ${start("never gets ready")} });
test("floods", async ({ neonEnvBuilder }) => { ${start("floods")} await pause(800); });
test("ignores SIGTERM", async ({ neonEnvBuilder }) => { ${start("ignores SIGTERM")} await env.pageserver.stop({ budgetMs: 300 }); });
test("forks away", async ({ neonEnvBuilder }) => { ${start("forks away")} });
`;

const phases = `
import { spawn } from "node:child_process";
import { beforeAll, afterAll, describe } from "vitest";
describe("throws in setup", () => { beforeAll(() => { throw new Error("no setup today"); }); test("never runs", () => {}); });
test("throws in the body", async ({ neonEnvBuilder }) => { await neonEnvBuilder.initConfigs(); throw new Error("no body today"); });
test("throws in cleanup, twice", ({ resources, testOutputDir }) => {
  resources.onTearDown(() => { throw new Error("no first cleanup today"); });
  resources.onTearDown(async () => { throw new Error("no second cleanup today"); });
});
test("leaks a daemon", ({ testOutputDir }) => {
  spawn("sleep", ["1001"], { stdio: "ignore", detached: true }).unref();
});
test("is innocent", ({ testOutputDir }) => expect(testOutputDir).toBeTruthy());
`;

const blocked = `test("blocks its worker", { timeout: 500 }, () => { for (;;); });`;

const suite = new InlineSuite({ nodes, phases, blocked });
let output = "";
const GOLDEN = join(PACKAGE_ROOT, "scripts", "golden-messages");

beforeAll(async () => {
  for (const [name, text] of Object.entries(PLANTS)) {
    writeFileSync(
      join(suite.scratch, `${name.replaceAll(" ", "-")}.cjs`),
      `if (process.argv.includes("-D")) { ${WHEN_TOLD} ${text} }\n`,
    );
  }
  const { stderr } = await suite.start(["-n", "2"], { NEON_TEST_STUCK_AFTER_MS: "15000" });
  output = stderr;
}, 100_000);
afterAll(() => suite[Symbol.dispose]());

/** What differs from run to run. */
function normalized(text: string): string {
  return text
    .replaceAll(suite.scratch, "$SCRATCH")
    .replaceAll(/\/tmp\/neon-test-dir-\w+/g, "$TEST_DIR")
    .replaceAll(/node \S+\/(\w+)(?= )/g, "node …/$1")
    .replaceAll(/pageserver version: .*/g, "pageserver version: …")
    .replaceAll(/localhost:\d+/g, "localhost:$PORT")
    .replaceAll(/^( *(?:found: )?)\d+ (?:sleeps|runs).*, \d+ threads: (.{30}).*$/gm, "$1$N (what it does): $2…")
    .replaceAll(/^( *found: )\d+ /gm, "$1$N ")
    .replaceAll(/logged \d{3,} /g, "logged $N ")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:$PORT")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "$TIME")
    .replaceAll(/\b(pid|waited) \d+/g, "$1 $N")
    .replaceAll(/\(\d+\)/g, "($N)");
}

test.for([...Object.keys(PLANTS), "throws in the body", "throws in cleanup, twice", "leaks a daemon"])(
  "%s: the message says what a person needs",
  async (title) => {
    const { status, failureMessages } = suite.result(title);
    expect(status).toBe("failed");
    // Vitest lists an error that a fixture throws twice.
    const texts = new Set(failureMessages.map((message) => message.replace(/\n +at .*/gs, "")));
    const text = [...texts].join("\n\n");
    await expect(`${normalized(text)}\n`).toMatchFileSnapshot(join(GOLDEN, `${title.replaceAll(/\W+/g, "-")}.txt`));
  },
);

test("a test that blocks its worker is found from outside, named, and ended", () => {
  expect(output).toMatch(
    /TEST_HUNG: the worker of blocked > blocks its worker said nothing for 15500 ms(.|\n)*found: \d+ runs, \d+ threads: .*node /,
  );
});

test("of the harness' errors people see the place in the test, neither fields nor the harness' own stack, and no colours", () => {
  expect(output).toMatch(/NODE_DIED: pageserver-1 died while [^❯]* ❯ nodes\.test\.ts:\d+:\d+\n/);
  expect(output).not.toMatch(/❯.*harness\/\w+/);
  expect(output).not.toMatch(/Serialized Error: .*fault/);
  expect(output).not.toContain("\u001b[");
});

test("who did nothing wrong passes", () => {
  expect(suite.result("is innocent").status).toBe("passed");
});

test("the directory of a failed test has logs, configurations and events, and no data", () => {
  const directory = readdirSync(suite.output).find((name) => name.endsWith("nodes-hangs")) ?? "";
  const names = readdirSync(join(suite.output, directory), { recursive: true, encoding: "utf8" });
  expect(names).toEqual(
    expect.arrayContaining([
      "events.jsonl",
      "hang.txt",
      "repo/pageserver_1/pageserver.toml",
      "repo/pageserver_1/pageserver.log",
    ]),
  );
  expect(names.filter((name) => /tenants|local_fs_remote_storage/.test(name))).toEqual([]);
  const events = readFileSync(join(suite.output, directory, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const kinds = new Set(events.map((line) => (JSON.parse(line) as { kind: string }).kind));
  expect(kinds).toEqual(new Set(["test", "spawn", "wait", "ready", "kill", "exit", "stop"]));
});
