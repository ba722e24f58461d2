import { writeFileSync } from "node:fs";
import { isFlaky, statusOf } from "./run-record";
import type { AttemptRecord, RunRecord, TestRecord } from "./run-record";

/** JUnit's XML, as Jenkins, GitLab and others read it: a suite per file, a case per attempt. */
export function writeJunit(path: string, run: RunRecord): void {
  const files = [...new Set(run.tests.map((test) => test.file))];
  const suites = files.map((file) =>
    suite(
      file,
      run.tests.filter((test) => test.file === file),
      run,
    ),
  );
  const errors = run.errors.length === 0 ? [] : [outsideSuite(run)];
  writeFileSync(
    path,
    `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="neon-test">\n${[...suites, ...errors].join("\n")}\n</testsuites>\n`,
  );
}

function suite(file: string, tests: readonly TestRecord[], run: RunRecord): string {
  const attempts = tests.flatMap((test) => test.attempts);
  const count = (status: string): number => attempts.filter((attempt) => attempt.status === status).length;
  const seconds = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  const head = attributes({
    name: file,
    tests: attempts.length,
    failures: count("failed"),
    skipped: count("skipped"),
    errors: 0,
    time: seconds.toFixed(3),
    timestamp: new Date(Math.min(...attempts.map(({ startedAt }) => startedAt))).toISOString(),
    hostname: run.machine,
  });
  const cases = tests.flatMap((test) => test.attempts.map((attempt) => testCase(test, attempt)));
  return `  <testsuite${head}>\n${cases.join("\n")}\n  </testsuite>`;
}

function testCase(test: TestRecord, attempt: AttemptRecord): string {
  const stem = test.file.replace(/\.test\.ts$/, "").replaceAll("/", ".");
  const version = / v\d+$/.exec(test.suite)?.[0] ?? "";
  const head = attributes({
    classname: `${stem}${version.replace(" ", ".")}`,
    name: test.name,
    time: (attempt.durationMs / 1000).toFixed(3),
  });
  const parts = [...propertiesOf(attempt), ...failureOf(attempt), ...skippedOf(attempt), ...outputOf(test, attempt)];
  return parts.length === 0 ? `    <testcase${head}/>` : `    <testcase${head}>\n${parts.join("\n")}\n    </testcase>`;
}

/** `select` = `ok: 1`, for each cell of a table; `insert [s]` = `1.2`, for each metric of a benchmark. */
function propertiesOf({ row, measured }: AttemptRecord): string[] {
  const cells = (row?.cells ?? []).map(({ column, state, detail }): [string, string | number] => [
    column,
    detail === "" ? state : `${state}: ${detail}`,
  ]);
  const all = [...cells, ...Object.entries(measured ?? {})];
  if (all.length === 0) return [];
  const lines = all.map(([name, value]) => `        <property${attributes({ name, value })}/>`);
  return [`      <properties>\n${lines.join("\n")}\n      </properties>`];
}

function failureOf({ status, errors }: AttemptRecord): string[] {
  if (status !== "failed") return [];
  const [first] = errors;
  const head = attributes({ message: first?.message.split("\n")[0] ?? "failed", type: "failure" });
  return [
    `      <failure${head}>${escaped(errors.map((error) => error.stack ?? error.message).join("\n\n"))}</failure>`,
  ];
}

const skippedOf = ({ status, note }: AttemptRecord): string[] =>
  status === "skipped" ? [`      <skipped${attributes({ message: note ?? "" })}/>`] : [];

function outputOf(test: TestRecord, { console: text, kept, seed }: AttemptRecord): string[] {
  const facts = kept === undefined ? [] : [`files: ${kept}`, `seed: ${seed}`];
  const lines = [...facts, ...(isFlaky(test) ? [`flaky: ${statusOf(test)}`] : []), ...(text === "" ? [] : [text])];
  return lines.length === 0 ? [] : [`      <system-out>${escaped(lines.join("\n"))}</system-out>`];
}

function outsideSuite({ errors }: RunRecord): string {
  const cases = errors.map(({ message, stack }, index) => {
    const failure = `<error${attributes({ message: message.split("\n")[0] ?? "" })}>${escaped(stack ?? message)}</error>`;
    return `    <testcase${attributes({ classname: "run", name: `error ${index + 1}` })}>${failure}</testcase>`;
  });
  const head = attributes({ name: "outside of any test", tests: errors.length, failures: 0, errors: errors.length });
  return `  <testsuite${head}>\n${cases.join("\n")}\n  </testsuite>`;
}

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value)).replaceAll('"', "&quot;").replaceAll("\n", "&#10;")}"`)
    .join("");

/** XML knows no control characters, not even escaped. */
function escaped(text: string): string {
  const clean = Array.from(text)
    .filter((character) => character >= " " || "\n\t".includes(character))
    .join("");
  return clean.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
