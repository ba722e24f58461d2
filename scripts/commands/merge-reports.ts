import { join } from "node:path";
import { mergeRuns, readRecord, statusOf } from "../../harness/report";
import type { AttemptRecord } from "../../harness/report";
import { HarnessError } from "../../harness/types";
import { defineCommand } from "../command/command";
import { value } from "../command/option";
import { text } from "../command/readers";
import { writeReports } from "../runner/reports";

export const mergeReports = defineCommand({
  name: "merge-reports",
  summary: "makes one report of those that shards have written with --html",
  takes: "DIR …",
  details: "Exit code: 1 if a test failed in any of them, else 0.",
  options: {
    html: value("DIR", text, { help: "write the merged report for a browser there" }),
    junit: value("FILE", text, { help: "write JUnit's XML" }),
    allure: value("DIR", text, { help: "write results for Allure" }),
  },
  run: async ({ options, positionals }) => {
    const { html, junit, allure } = options;
    if (positionals.length === 0 || (html ?? junit ?? allure) === undefined) {
      throw new HarnessError("BAD_ARGUMENT", {
        summary: "merge-reports needs to know what to merge, and into what",
        expected: "e.g. neon-test merge-reports shard-1 shard-2 --html merged",
        found: positionals.length === 0 ? "no folder" : "neither --html nor --junit nor --allure",
      });
    }
    const parts = positionals.map((directory) => ({ directory, run: readRecord(directory) }));
    const origin = new Map<AttemptRecord, string>();
    for (const { directory, run } of parts) {
      for (const attempt of run.tests.flatMap(({ attempts }) => attempts)) {
        if (attempt.evidence !== undefined) origin.set(attempt, join(directory, attempt.evidence));
      }
    }
    const merged = mergeRuns(parts.map(({ run }) => run));
    writeReports(merged, options, (attempt) => origin.get(attempt));
    const failed = merged.tests.filter((test) => statusOf(test) === "failed").length + merged.errors.length;
    process.stdout.write(`${merged.tests.length} tests of ${parts.length} reports, ${failed} failed\n`);
    return Promise.resolve(failed === 0 ? 0 : 1);
  },
});
