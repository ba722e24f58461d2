import { appendFileSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { registerDirectory } from "../../harness/process";
import {
  githubAnnotations,
  githubSummary,
  readEvidence,
  writeAllure,
  writeHtml,
  writeJunit,
} from "../../harness/report";
import type { AttemptRecord, RunRecord } from "../../harness/report";

/** Where which report is to be written; nothing is written for what is undefined. */
export interface ReportTargets {
  readonly html: string | undefined;
  readonly junit: string | undefined;
  readonly allure: string | undefined;
}

/** Lets the tests' processes keep copies of logs and events, where a report will show them. */
export function prepareEvidence({ html, allure }: ReportTargets): void {
  if (html === undefined && allure === undefined) {
    delete process.env["NEON_TEST_EVIDENCE"];
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "neon-test-evidence-"));
  registerDirectory(directory);
  process.env["NEON_TEST_EVIDENCE"] = directory;
}

/** Writes what was asked for, tells GitHub where it runs us, and says where the reports are. */
export function writeReports(
  run: RunRecord,
  { html, junit, allure }: ReportTargets,
  evidenceFile: (attempt: AttemptRecord) => string | undefined = ({ evidence }) => evidence,
): void {
  const existing = (attempt: AttemptRecord): string | undefined => {
    const file = evidenceFile(attempt);
    return file !== undefined && existsSync(file) ? file : undefined;
  };
  if (junit !== undefined) {
    mkdirSync(dirname(resolve(junit)), { recursive: true });
    writeJunit(junit, run);
  }
  if (allure !== undefined) {
    writeAllure(allure, run, (attempt) => {
      const file = existing(attempt);
      return file === undefined ? undefined : readEvidence(file);
    });
  }
  if (html !== undefined) say(`report: ${relative(process.cwd(), writeHtml(html, run, existing))}`);
  if (process.env["GITHUB_ACTIONS"] !== "true") return;
  for (const line of githubAnnotations(run)) say(line);
  const summary = process.env["GITHUB_STEP_SUMMARY"];
  if (summary !== undefined && summary !== "") appendFileSync(summary, githubSummary(run));
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
