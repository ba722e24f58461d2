import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../harness/testing";
import { InlineSuite, lastLine } from "./testing/inline-suite";

const good = `
import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";

test("passes", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initStart();
  expect(() => neonEnvBuilder.with({ numSafekeepers: 3 })).toThrow(/^MISUSE: .*configured already[^]*numSafekeepers/);
  await expect(neonEnvBuilder.initConfigs()).rejects.toThrow(/^MISUSE: /);
  expect(() => env.branch("nowhere")).toThrow(/^MISUSE: .*nowhere[^]*main/);
  writeFileSync(process.env.SCRATCH + "/ports-one", JSON.stringify([env.broker.port, env.pageserver.pgPort]));
});

test("comes after it", () => {
  // At the end of the run the reaper would remove it, too.
  const before = existsSync(process.env.TEST_OUTPUT) ? readdirSync(process.env.TEST_OUTPUT) : [];
  expect(before.filter((name) => name.endsWith("-passes"))).toEqual([]);
});

test("keeps its files", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.with({ preserveDatabaseFiles: true }).initStart();
  await env.endpoints.createStart("main");
});

test("needs what is not there", requires("smgr"), () => expect.unreachable());

test("logs an error", async ({ neonEnvBuilder }) => {
  const env = await neonEnvBuilder.initConfigs();
  env.pageserver.allowedErrors.push(/expected trouble/);
  const line = (text) => appendFileSync(env.pageserver.logPath, "2026-01-01T00:00:00.000000Z " + text + "\\n");
  line("ERROR expected trouble");
  line(" INFO an ERROR-free day");
  line("ERROR trouble that nobody expected");
});
`;

const bad = `
import { writeFileSync } from "node:fs";

test("fails", async ({ neonSimpleEnv: env }) => {
  writeFileSync(process.env.SCRATCH + "/ports-two", JSON.stringify([env.broker.port, env.pageserver.pgPort]));
  writeFileSync(process.env.SCRATCH + "/pids", JSON.stringify([env.broker.pid, env.pageserver.pid]));
  expect(1).toBe(2);
});

test("can't be torn down", ({ resources, testOutputDir }) => {
  resources.onTearDown(() => writeFileSync(testOutputDir + "/torn-down", "yes"));
  resources.onTearDown(() => { throw new Error("the first complaint"); });
  resources.onTearDown(async () => { throw new Error("the second complaint"); });
});
`;

describe("a run whose tests pass, fail and are skipped on purpose", () => {
  const suite = new InlineSuite({ good, bad });
  let run: Awaited<ReturnType<InlineSuite["start"]>>;

  beforeAll(async () => {
    run = await suite.start(["-n", "2", "-s"]);
  });
  afterAll(() => suite[Symbol.dispose]());

  const kept = (): string[] => readdirSync(suite.output);
  const directoryOf = (test: string): string => {
    const name = readdirSync(suite.output).find((each) => each.endsWith(test));
    return join(suite.output, name ?? `no directory of ${test}`);
  };

  test("ends with exit code 1 and its counts, and begins with what it ran on", () => {
    expect(lastLine(run.stdout)).toBe("3 passed, 3 failed, 1 skipped");
    expect(run.stdout).toMatch(/^neon-test: embedded engine .*Postgres (v\d+, )*v17; running on v17, storage local_fs/);
    expect(run.exitCode).toBe(1);
  });

  test("removes the directories of tests that passed, and keeps the others", () => {
    for (const title of ["passes", "comes after it"]) {
      expect(suite.result(title)).toMatchObject({ status: "passed", failureMessages: [] });
    }
    expect(kept().toSorted()).toEqual([
      "bad-can-t-be-torn-down",
      "bad-fails",
      "good-keeps-its-files",
      "good-logs-an-error",
    ]);
  });

  test("keeps the data, too, where a test asks for it, and packs everything", () => {
    const names = readdirSync(directoryOf("good-keeps-its-files"), { recursive: true, encoding: "utf8" });
    expect(names).toEqual(
      expect.arrayContaining(["everything.tar.zst", "events.jsonl", "repo/endpoints/ep-1/pgdata/PG_VERSION"]),
    );
    expect(readdirSync(directoryOf("bad-fails"), { recursive: true, encoding: "utf8" })).not.toContain(
      "everything.tar.zst",
    );
  });

  test("prints where it keeps them", () => {
    const printed = [...run.stdout.matchAll(/^(\w+) {2}(.*) {2}.*\n {6}kept: (\S+)$/gm)];
    const rows = printed.map(
      ([, status, name, path]) => `${status} ${name}: ${statSync(resolve(suite.root, path ?? "")).isDirectory()}`,
    );
    expect(rows.toSorted()).toEqual([
      "FAIL bad > can't be torn down: true",
      "FAIL bad > fails: true",
      "FAIL good > logs an error: true",
      "pass good > keeps its files: true",
    ]);
  });

  test("leaves logs that everybody can read", () => {
    const names = readdirSync(directoryOf("bad-fails"), { recursive: true, encoding: "utf8" });
    const logs = names.filter((name) => name.endsWith(".log")).map((name) => join(directoryOf("bad-fails"), name));
    expect(new Set(logs.map((path) => basename(path)))).toEqual(
      new Set(["pageserver.log", "safekeeper-1.log", "storage_broker.log", "storage_controller.log"]),
    );
    for (const path of logs) {
      expect((statSync(path).mode & 0o777).toString(8)).toBe("644");
      expect((statSync(join(path, "..")).mode & 0o777).toString(8)).toBe("755");
      expect(readFileSync(path, "utf8")).not.toBe("");
    }
  });

  test("fails a test whose node logged what nobody expected, and quotes it", () => {
    const { status, failureMessages } = suite.result("logs an error");
    expect(status).toBe("failed");
    expect(failureMessages.join("\n")).toMatch(
      /LOG_ERRORS: pageserver-1 logged 1 unexpected line(.|\n)*\| .*ERROR trouble that nobody expected/,
    );
    expect(failureMessages.join("\n")).not.toMatch(/expected trouble$/m);
  });

  test("reports every failure of a tear-down, and goes on with what comes after", () => {
    const { status, failureMessages } = suite.result("can't be torn down");
    expect(status).toBe("failed");
    expect(failureMessages.join("\n")).toMatch(/the second complaint(.|\n)*the first complaint/);
    expect(readFileSync(join(directoryOf("bad-can-t-be-torn-down"), "torn-down"), "utf8")).toBe("yes");
  });

  test("skips a test whose needs the engine doesn't meet, and says why", () => {
    expect(suite.result("needs what is not there").status).toBe("skipped");
    expect(run.stdout).toMatch(/^skip {2}.*needs what is not there {2}\(the engine lacks smgr: embedded engine .*\)$/m);
  });

  test("shows the nodes' logs with their names", () => {
    for (const node of ["pageserver-1", "safekeeper-1", "storage_controller", "storage_broker"]) {
      expect(run.stderr).toMatch(new RegExp(`^\\[${node}\\] .*INFO`, "m"));
    }
  });

  test("gives environments that run at the same time ports of their own", () => {
    const [one, two] = [suite.note("ports-one") as number[], suite.note("ports-two") as number[]];
    expect(new Set([...one, ...two]).size).toBe(4);
  });

  test("leaves no process", () => {
    expect(suite.leftovers()).toEqual([]);
    expect((suite.note("pids") as number[]).filter(isAlive)).toEqual([]);
  });
});
