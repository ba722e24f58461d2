import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import type { Page } from "playwright-core";
import { SaxesParser } from "saxes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "./project";
import { InlineSuite } from "./testing/inline-suite";
import { neonTest } from "./testing/command";

const TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJ0ZW5hbnQiOm51bGx9.c2lnbmF0dXJl";

const tests = `
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
test("rows < columns & more", async ({ neonSimpleEnv: env }) => {
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql\`select 1\`;
});
test("a node logs trouble", { tags: ["slow"] }, async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initConfigs();
  await env.broker.start();
  appendFileSync(env.broker.logPath, "2026-01-01T00:00:00.000000Z ERROR trouble that nobody expected, Bearer ${TOKEN}\\n");
  await env.broker.kill9();
  await env.broker.start();
});
test("is skipped", requires("smgr"), () => {});
test("fails every other time", () => {
  console.log("hello from the test");
  const mark = process.env.SCRATCH + "/odd";
  if (existsSync(mark)) return;
  writeFileSync(mark, "");
  throw new Error("odd");
});
`;

/** Where Debian and others put it; undefined where there is none. */
const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

describe("reports of one run", () => {
  const suite = new InlineSuite({ shown: tests });
  const at = (name: string): string => join(suite.scratch, name);
  let stdout = "";

  beforeAll(async () => {
    const reports = ["--html", at("html"), "--junit", at("deep/junit.xml"), "--allure", at("allure")];
    const run = await suite.start(["--slow", "--repeat", "2", ...reports], {
      GITHUB_ACTIONS: "true",
      GITHUB_STEP_SUMMARY: at("summary.md"),
    });
    stdout = run.stdout;
  }, 100_000);
  afterAll(() => suite[Symbol.dispose]());

  test("JUnit: well-formed, one case per round, with failures, skips and output", () => {
    const seen: string[] = [];
    const parser = new SaxesParser();
    parser.on("opentag", ({ name, attributes }) =>
      seen.push(`${name} ${attributes["name"] ?? attributes["message"] ?? ""}`),
    );
    parser.on("error", (error) => {
      throw error;
    });
    const xml = readFileSync(at("deep/junit.xml"), "utf8");
    parser.write(xml).close();
    expect(seen.filter((tag) => tag.startsWith("testcase"))).toHaveLength(8);
    expect(seen).toContain("testcase rows < columns & more");
    expect(seen.filter((tag) => tag.startsWith("failure LOG_ERRORS: storage_broker"))).toHaveLength(2);
    expect(seen.filter((tag) => tag.startsWith("skipped the engine lacks smgr"))).toHaveLength(2);
    expect(xml).toContain("hello from the test");
    expect(xml).toMatch(/<testsuite name="shown\.test\.ts" tests="8" failures="3" skipped="2"/);
  });

  test("Allure: rounds of a test by one history, with labels, parameters and logs", () => {
    const names = readdirSync(at("allure"));
    const results = names
      .filter((name) => name.endsWith("-result.json"))
      .map((name) => JSON.parse(readFileSync(join(at("allure"), name), "utf8")) as AllureResult);
    expect(results).toHaveLength(8);
    const trouble = results.filter(({ name }) => name === "a node logs trouble");
    expect(new Set(trouble.map(({ historyId }) => historyId)).size).toBe(1);
    expect(trouble[0]).toMatchObject({ status: "failed", stage: "finished", fullName: "shown > a node logs trouble" });
    expect(trouble[0]?.labels).toContainEqual({ name: "tag", value: "slow" });
    expect(trouble[0]?.parameters).toContainEqual({
      name: "engine",
      value: expect.stringContaining("embedded") as unknown,
    });
    expect(trouble[0]?.attachments.map(({ name }) => name)).toEqual([
      "events",
      expect.stringMatching(/storage_broker\.log$/),
    ]);
    for (const { source } of trouble.flatMap(({ attachments }) => attachments)) expect(names).toContain(source);
  });

  test("GitHub: annotations in the test's file, and a job summary", () => {
    expect(stdout).toMatch(/^::error file=shown\.test\.ts,line=\d+,title=fails every other time failed::odd$/m);
    expect(stdout).toMatch(
      /^::error file=shown\.test\.ts,title=a node logs trouble failed::LOG_ERRORS.*%0A {2}expected/m,
    );
    const summary = readFileSync(at("summary.md"), "utf8");
    expect(summary).toMatch(/\*\*1 passed, 2 failed, 1 skipped\*\* in /);
    expect(summary).toMatch(/#### Flaky\n\n- shown > fails every other time/);
    expect(summary).toMatch(/<summary>FAIL shown > a node logs trouble<\/summary>/);
  });

  test("no report shows a token", () => {
    const files = ["html", "allure", "deep"].flatMap((folder) =>
      readdirSync(at(folder), { recursive: true, encoding: "utf8" }).map((name) => join(at(folder), name)),
    );
    const texts = [...files, at("summary.md")]
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, "utf8"));
    expect(texts.some((text) => text.includes("trouble that nobody expected, Bearer ***"))).toBe(true);
    expect(texts.filter((text) => text.includes(TOKEN))).toEqual([]);
  });

  test("merge-reports makes one of several, rounds together, and fails if one of them did", async () => {
    const { stdout: said, exitCode } = await neonTest([
      "merge-reports",
      at("html"),
      at("html"),
      "--html",
      at("merged"),
      "--junit",
      at("merged.xml"),
    ]);
    expect(said).toMatch(/4 tests of 2 reports, 2 failed$/m);
    expect(exitCode).toBe(1);
    expect(readFileSync(at("merged.xml"), "utf8")).toMatch(/tests="16" failures="6" skipped="4"/);
    expect(readdirSync(join(at("merged"), "evidence"))).toHaveLength(8);
    const bad = await neonTest(["merge-reports", at("allure"), "--html", at("x")]);
    expect(bad.stderr).toMatch(/^neon-test: BAD_ARGUMENT: .* is no report that can be read/);
    expect(bad.exitCode).toBe(2);
  });

  test.skipIf(browser === undefined)(
    "a browser shows the report from the disk, from a failed test to its log line",
    async () => {
      await using page = await openPage(`file://${at("html/index.html")}`);
      expect(await page.tab.locator(".entry").count()).toBe(4);
      await page.tab.getByRole("button", { name: "flaky 1" }).click();
      expect(await page.tab.locator(".entry").innerText()).toMatch(/fails every other time/);
      await page.tab.getByRole("button", { name: "all 4" }).click();
      await screenshot(page.tab, "report-overview");
      await page.tab.getByText("a node logs trouble").click();
      const quoted = page.tab.locator(".line.link", { hasText: "trouble that nobody expected" });
      await quoted.click();
      const marked = page.tab.locator(".row.marked");
      expect(await marked.innerText()).toMatch(
        /storage_broker(.|\n)*ERROR trouble that nobody expected, Bearer \*\*\*/,
      );
      await screenshot(page.tab, "report-test");
      for (const kind of ["spawn", "ready", "kill", "exit", "stop"]) {
        expect(await page.tab.locator(`.mark.${kind}`).count(), kind).toBeGreaterThan(0);
      }
      await page.tab.goto(`file://${at("html/index.html")}#/test/0`);
      await page.tab.locator(".lane", { hasText: "ep-1" }).locator(".mark.query").first().click();
      await screenshot(page.tab, "report-timeline");
      expect(await page.tab.locator(".row.marked").count()).toBe(1);
      expect(page.problems).toEqual([]);
    },
  );
});

interface AllureResult {
  name: string;
  historyId: string;
  labels: { name: string; value: string }[];
  parameters: { name: string; value: unknown }[];
  attachments: { name: string; source: string }[];
}

/** A page whose errors and requests to anywhere but the disk are problems. */
async function openPage(url: string): Promise<AsyncDisposable & { tab: Page; problems: string[] }> {
  const running = await chromium.launch({ executablePath: browser ?? "", args: ["--no-sandbox"] });
  const tab = await running.newPage({ viewport: { width: 1280, height: 860 } });
  const problems: string[] = [];
  tab.on("pageerror", (error) => problems.push(error.message));
  tab.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  tab.on("request", (request) => request.url().startsWith("file:") || problems.push(request.url()));
  await tab.goto(url);
  return { tab, problems, [Symbol.asyncDispose]: async () => running.close() };
}

/** UPDATE_SCREENSHOTS=1 writes those of the documentation anew. */
async function screenshot(tab: Page, name: string): Promise<void> {
  if (process.env["UPDATE_SCREENSHOTS"] !== "1") return;
  await tab.screenshot({ path: join(PACKAGE_ROOT, "docs", "images", `${name}.png`) });
}
