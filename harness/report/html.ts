import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { HarnessError, messageOfUnknown } from "../types";
import type { AttemptRecord, RunRecord } from "./run-record";

export const RECORD_FILE = "results.json";
const EVIDENCE = "evidence";
/** Built with the command: see scripts/build-command.mjs. */
const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../dist/report");

const INDEX = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>neon-test</title>
<link rel="stylesheet" href="page.css">
</head>
<body>
<main id="page">This report needs JavaScript, and nothing from a network.</main>
<script src="run.js"></script>
<script src="page.js"></script>
</body>
</html>
`;

/**
 * A folder that a browser opens without any server: `index.html`, the run as `results.json` (for merging) and as a
 * script, and per attempt its evidence. Returns the path of the page.
 */
export function writeHtml(
  directory: string,
  run: RunRecord,
  evidenceFile: (attempt: AttemptRecord) => string | undefined,
): string {
  mkdirSync(join(directory, EVIDENCE), { recursive: true });
  const kept = withEvidence(directory, run, evidenceFile);
  writeFileSync(join(directory, RECORD_FILE), JSON.stringify(kept, null, 2));
  const json = JSON.stringify(kept)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  writeFileSync(join(directory, "run.js"), `globalThis.neonTestRun = ${json};\n`);
  for (const name of ["page.js", "page.css"]) copyFileSync(join(PAGE, name), join(directory, name));
  const index = join(directory, "index.html");
  writeFileSync(index, INDEX);
  return index;
}

function withEvidence(
  directory: string,
  run: RunRecord,
  evidenceFile: (attempt: AttemptRecord) => string | undefined,
): RunRecord {
  let next = 0;
  const moved = (attempt: AttemptRecord): AttemptRecord => {
    const file = evidenceFile(attempt);
    if (file === undefined) return { ...attempt, evidence: undefined };
    const evidence = `${EVIDENCE}/${(next += 1)}.js`;
    const text = readFileSync(file, "utf8");
    writeFileSync(
      join(directory, evidence),
      text.replace(/^neonTestEvidence\("[^"]*"/, `neonTestEvidence("${next}.js"`),
    );
    return { ...attempt, evidence };
  };
  return { ...run, tests: run.tests.map((test) => ({ ...test, attempts: test.attempts.map(moved) })) };
}

/** The record in a report's folder. Throws BAD_ARGUMENT when there is none, or one of another version. */
export function readRecord(directory: string): RunRecord {
  const path = join(directory, RECORD_FILE);
  const fail = (found: string): HarnessError =>
    new HarnessError("BAD_ARGUMENT", {
      summary: `${directory} is no report that can be read`,
      expected: `the folder that --html of this version has written, with ${RECORD_FILE} in it`,
      found,
    });
  if (!existsSync(path)) throw fail(`no ${RECORD_FILE}`);
  try {
    const run = JSON.parse(readFileSync(path, "utf8")) as RunRecord;
    if (run.version === 1) return run;
  } catch (error) {
    throw fail(messageOfUnknown(error));
  }
  throw fail("a record of another version");
}
