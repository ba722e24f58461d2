import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { isLongRun } from "../harness/testing";
import { PACKAGE_ROOT } from "./project";

const TEST = `
import { expect, requires, test } from "neon-test";
import type { NeonEnv } from "neon-test";

test("rows survive a compute restart", { tags: ["slow"] }, async ({ neonEnvBuilder }) => {
  const env: NeonEnv = await neonEnvBuilder.with({ numSafekeepers: 3 }).initStart();
  const endpoint = await env.endpoints.createStart("main");
  await endpoint.sql\`create table t as select generate_series(1, 1000) as i\`;
  await endpoint.stop();
  await endpoint.start();
  expect(await endpoint.sql\`select sum(i) from t\`).toEqual([{ sum: "500500" }]);
});

test("is for engines that read pages", requires("smgr"), () => {});

// @ts-expect-error there is no such tag
test("has a wrong tag", { tags: ["quick"] }, () => {});
// @ts-expect-error there is no such setting
test.skip("has a wrong setting", ({ neonEnvBuilder }) => void neonEnvBuilder.with({ numSafekepers: 3 }));
`;

/** Packs and installs from the registry, which takes a minute: `npm run test:long`. */
test.runIf(isLongRun)(
  "npm pack and npm i: fixtures, builder and command work in another project, typed",
  { timeout: 600_000 },
  async () => {
    const project = mkdtempSync(join(tmpdir(), "neon-test-elsewhere-"));
    onTestFinished(() => rmSync(project, { recursive: true }), 300_000);
    const run = (command: string, args: string[], cwd = project) =>
      execa(command, args, { cwd, all: true, reject: false, env: { NEON_TEST_BUILT: "", NO_COLOR: "1" } });
    await run("npm", ["pack", "--pack-destination", project], PACKAGE_ROOT);
    const tarball = readdirSync(project).find((name) => name.endsWith(".tgz")) ?? "no tarball";
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "elsewhere", type: "module", private: true }));
    const installed = await run("npm", [
      "i",
      "-D",
      "--no-audit",
      "--no-fund",
      tarball,
      "typescript@7.0.2",
      "@types/node@20",
    ]);
    expect(installed.exitCode, installed.all).toBe(0);
    writeFileSync(
      join(project, "first.test.ts"),
      TEST.replace(/^\/\/ @ts-expect-error there is no such tag\n.*\n/m, ""),
    );
    const ran = await run("npx", ["neon-test", "--slow"]);
    expect(ran.all).toMatch(/^neon-test: embedded engine /m);
    expect(ran.all).toMatch(/^pass {2}first > rows survive a compute restart /m);
    expect(ran.all).toMatch(/^1 passed, 0 failed, 2 skipped$/m);
    writeFileSync(join(project, "typed.test.ts"), TEST);
    const options = [
      "--strict",
      "--noEmit",
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
      "--target",
      "es2023",
    ];
    const typed = await run("npx", [
      "tsc",
      ...options,
      "--skipLibCheck",
      "--types",
      "node",
      "--lib",
      "es2023,esnext.disposable",
      "typed.test.ts",
    ]);
    expect(typed.all).toBe("");
  },
);
