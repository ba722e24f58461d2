import { defineCommand } from "../command/command";
import { runTests } from "../runner/run-tests";
import { TEST_OPTIONS } from "../runner/test-options";

export const test = defineCommand({
  name: "test",
  summary: "runs tests; this is what `neon-test` without a command does",
  takes: "[SUITE|FILE|FOLDER …]",
  passesOn: "VITEST OPTIONS",
  details: `Suites: regress (default), performance, pg_clients, sql, harness (self-tests). Files and folders are given as paths.
Exit codes: 0 all passed, 1 a test failed or something broke, 2 the command was used wrongly, 130 Ctrl-C.`,
  options: TEST_OPTIONS,
  run: (invocation) => runTests(invocation),
});
