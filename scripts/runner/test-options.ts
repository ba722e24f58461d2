import type { Invocation } from "../command/command";
import { flag, list, value } from "../command/option";
import { orWord, pgVersion, text, wholeNumber } from "../command/readers";

const choosing = { group: "Choosing tests" };
const running = { group: "Running them" };
const keeping = { group: "Seeing and keeping" };

/** The options of `neon-test` when it runs tests. */
export const TEST_OPTIONS = {
  keyword: value("EXPR", text, {
    ...choosing,
    short: "k",
    help: "only tests whose file or name matches, e.g. 'slow and not detach'",
  }),
  pgVersion: list("V", pgVersion, { ...choosing, help: "Postgres version, e.g. 17; may be repeated" }),
  list: flag({ ...choosing, help: "list the tests and run nothing" }),
  workers: value("N|auto", orWord("auto", wholeNumber(1)), {
    ...running,
    short: "n",
    help: "tests that run at a time; auto (default): one per core",
  }),
  exitfirst: flag({ ...running, short: "x", help: "stop after the first failure" }),
  stream: flag({
    ...keeping,
    short: "s",
    help: "show the nodes' logs as they are written, each line with its node's name",
  }),
  preserveDatabaseFiles: flag({ ...keeping, help: "keep every test's directory, also when it passes" }),
} as const;

export type TestInvocation = Invocation<typeof TEST_OPTIONS>;
export type TestOptions = TestInvocation["options"];
