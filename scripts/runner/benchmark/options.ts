import { flag, pair, value } from "../../command/option";
import { positiveNumber, text, wholeNumber } from "../../command/readers";
import { side } from "./side";
import { TEST_OPTIONS } from "../test-options";

const { workers: _alwaysOne, watch: _never, shard: _notYet, updateDurations: _notTheirs, ...common } = TEST_OPTIONS;

const measuring = { group: "Benchmarks" };

/** The options of `neon-test performance`: those of every run, and its own. */
export const PERFORMANCE_OPTIONS = {
  scale: value("X", positiveNumber, {
    ...measuring,
    help: "how much each benchmark does, 1 when not given; 10 makes ten times the rows",
  }),
  outDir: value("DIR", text, {
    ...measuring,
    help: "where results (one file of JSON lines per run) and the report over all of them are kept; default TEST_OUTPUT/benchmark-results",
  }),
  compare: pair("A B", side, {
    ...measuring,
    help: "run both at the same time, in turn at every measurement, and say what differs; each is this, embedded, a directory of Neon's binaries, or NAME=VALUE,NAME=VALUE",
    excludes: ["repeat", "untilFail", "list", "baseline"],
  }),
  rounds: value("N", wholeNumber(1), {
    ...measuring,
    help: "with --compare: how often each runs, after one time that doesn't count; 15 when not given, 6 are the least for a verdict",
  }),
  baseline: value("FILE|DIR", text, {
    ...measuring,
    help: "compare with the results of an earlier run, and fail where something is worse by more than --fail-over",
  }),
  failOver: value("X", positiveNumber, {
    ...measuring,
    help: "with --baseline: how many times worse is too much; 1.2 when not given",
  }),
  allowVersionMismatch: flag({
    ...measuring,
    help: "measure a remote Postgres of another major version than the run's, too",
  }),
  ...common,
} as const;
