import { value } from "../../command/option";
import { positiveNumber, text } from "../../command/readers";
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
  ...common,
} as const;
