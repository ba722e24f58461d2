import type { Invocation } from "../command/command";
import { flag, list, value } from "../command/option";
import { duration, oneOf, orWord, pgVersion, share, text, wholeNumber } from "../command/readers";

const choosing = { group: "Choosing tests" };
const running = { group: "Running them" };
const reporting = { group: "Reports" };
const keeping = { group: "Seeing and keeping" };

/** The options of `neon-test` when it runs tests. */
export const TEST_OPTIONS = {
  keyword: value("EXPR", text, {
    ...choosing,
    short: "k",
    help: "only tests whose file or name matches, e.g. 'slow and not detach'",
  }),
  tags: value("EXPR", text, {
    ...choosing,
    short: "m",
    help: "only tests with such tags, e.g. 'slow or remote'; slow and remote tests are skipped unless named here",
  }),
  slow: flag({ ...choosing, help: "run slow tests, too" }),
  lastFailed: flag({ ...choosing, help: "only tests that failed when they last ran" }),
  shard: value("I/N", share, {
    ...choosing,
    help: "part I of N; the parts are planned to take equally long, by durations.json",
  }),
  pgVersion: list("V", pgVersion, { ...choosing, help: "Postgres version, e.g. 17; may be repeated" }),
  list: flag({ ...choosing, help: "list the tests and run nothing" }),
  json: flag({ ...choosing, help: "with --list: as JSON" }),
  workers: value("N|auto", orWord("auto", wholeNumber(1)), {
    ...running,
    short: "n",
    help: "tests that run at a time; auto (default): as many as the cores and the memory can bear",
  }),
  runner: value("KIND", oneOf("auto", "host", "container"), {
    ...running,
    help: "how pg_clients' programs are run: by this machine's toolchains, in containers, or (auto) as can be",
  }),
  exitfirst: flag({ ...running, short: "x", help: "stop after the first failure", excludes: ["bail"] }),
  bail: value("N", wholeNumber(1), { ...running, help: "stop after N failures" }),
  timeout: value("TIME", duration, {
    ...running,
    help: "how long a test may take that says nothing else; 2m when not given",
  }),
  repeat: value("N", wholeNumber(1), { ...running, help: "run the tests N times" }),
  untilFail: flag({ ...running, help: "run the tests again and again, at most --repeat times, until one fails" }),
  seed: value("N", wholeNumber(0), {
    ...running,
    help: "random order and random ids follow from N; without it, ids follow from a seed that is printed on failure",
  }),
  watch: flag({
    ...running,
    help: "run tests again when their files change",
    excludes: ["list", "shard", "repeat", "untilFail", "lastFailed"],
  }),
  updateDurations: flag({ ...running, help: "write how long the tests took to durations.json", excludes: ["list"] }),
  stream: flag({
    ...keeping,
    short: "s",
    help: "show the nodes' logs as they are written, each line with its node's name",
  }),
  preserveDatabaseFiles: flag({ ...keeping, help: "keep every test's directory, also when it passes" }),
  keep: value("on-failure", oneOf("on-failure"), {
    ...keeping,
    help: "leave the environment of a failed test running for an hour; see `neon-test attach` and `neon-test down`",
  }),
  html: value("DIR", text, {
    ...reporting,
    help: "write a report for a browser: results, and for each test what its nodes did and logged",
  }),
  junit: value("FILE", text, { ...reporting, help: "write JUnit's XML" }),
  allure: value("DIR", text, { ...reporting, help: "write results for Allure" }),
} as const;

export type TestInvocation = Invocation<typeof TEST_OPTIONS>;
