import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { coverage, COVERAGE_PATH } from "./coverage/coverage";
import { readResults, withRun, writeResults } from "./coverage/results";
import type { RunRecord } from "../harness/report";

/**
 * `npm run coverage [-- --record DIR …] [--write]`: prints the totals of docs/coverage.md; `--record` takes over how the
 * tests of a run ended, from what `neon-test --html DIR` wrote, and `--write` writes the table.
 */
const { values } = parseArgs({
  options: {
    record: { type: "string", multiple: true, default: [] },
    write: { type: "boolean", default: false },
  },
});

for (const directory of values.record) {
  const run = JSON.parse(readFileSync(join(directory, "results.json"), "utf8")) as RunRecord;
  writeResults(withRun(readResults(), run, existsSync));
}
const { table, unknown } = await coverage();
if (values.write) writeFileSync(COVERAGE_PATH, table);
for (const line of table.split("\n").filter((each) => /^\| (?:\w|all) +\|/.test(each))) console.log(line);
for (const line of unknown) console.error(line);
process.exitCode = unknown.length > 0 ? 1 : 0;
