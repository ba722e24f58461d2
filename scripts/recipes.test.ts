import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseInvocation } from "./command/parse";
import { COMMANDS, DEFAULT_COMMAND } from "./commands";
import { PACKAGE_ROOT } from "./project";
import { neonTest } from "./testing/command";

/** Every command line of the recipes, with what CI would put in for its variables. */
const lines = [...readFileSync(join(PACKAGE_ROOT, "docs", "ci.md"), "utf8").matchAll(/npx neon-test (.*)$/gm)].map(
  ([, line = ""]) =>
    line
      .replace("${{ matrix.shard }}", "2")
      .replace("$CI_NODE_INDEX/$CI_NODE_TOTAL", "3/4")
      .replace("parts/*", "part-1 part-2"),
);

test.for([...new Set(lines)])("neon-test %s is understood", async (line) => {
  const [first = "", ...rest] = line.split(" ");
  const isNamed = Object.hasOwn(COMMANDS, first);
  const command = await COMMANDS[isNamed ? first : DEFAULT_COMMAND]?.();
  if (command === undefined) expect.unreachable(`there is no command ${first}`);
  else expect(parseInvocation(command, isNamed ? rest : [first, ...rest])).toBeDefined();
});

test("the sharded recipe finds its tests here, on the engine and the storage that this machine has", async () => {
  const sharded = lines.find((line) => line.includes("--shard 2/4")) ?? "";
  const { stdout, exitCode } = await neonTest([...sharded.split(" "), "--list"], {
    NEON_TEST_REMOTE_STORAGE: "mock_s3",
  });
  expect(stdout).toMatch(/^shard 2\/4: \d+ of \d+ tests, .*, spread \d\.\d\d$/m);
  expect(exitCode).toBe(0);
});
