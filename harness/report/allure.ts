import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Evidence } from "./evidence-record";
import type { AttemptRecord, RunRecord, TestRecord } from "./run-record";

interface Attachment {
  readonly name: string;
  readonly source: string;
  readonly type: string;
}

/**
 * Allure's result files: one per attempt, attempts of one test by one `historyId`, with its logs and events attached.
 * `evidenceOf` reads what was kept of an attempt.
 */
export function writeAllure(
  directory: string,
  run: RunRecord,
  evidenceOf: (attempt: AttemptRecord) => Evidence | undefined,
): void {
  mkdirSync(directory, { recursive: true });
  for (const test of run.tests) {
    for (const attempt of test.attempts) {
      const attachments = attach(directory, attempt, evidenceOf(attempt));
      writeJson(join(directory, `${randomUUID()}-result.json`), result(run, test, attempt, attachments));
    }
  }
  const environment = [`engine=${run.engine}`, `command=${run.command}`, `machine=${run.machine}`, `seed=${run.seed}`];
  writeFileSync(join(directory, "environment.properties"), `${environment.join("\n")}\n`);
}

function result(run: RunRecord, test: TestRecord, attempt: AttemptRecord, attachments: readonly Attachment[]) {
  const parameters = parametersOf(run, test);
  const identity = createHash("md5").update(test.fullName).digest("hex");
  const [error] = attempt.errors;
  return {
    uuid: randomUUID(),
    historyId: createHash("md5")
      .update(`${identity}${JSON.stringify(parameters)}`)
      .digest("hex"),
    testCaseId: identity,
    fullName: test.fullName,
    name: test.name,
    status: attempt.status === "failed" && error?.message.startsWith("TEST_HUNG") === true ? "broken" : attempt.status,
    statusDetails: {
      message: error?.message ?? attempt.note,
      trace: attempt.errors.map(({ stack, message }) => stack ?? message).join("\n\n"),
    },
    stage: "finished",
    start: Math.round(attempt.startedAt),
    stop: Math.round(attempt.startedAt + attempt.durationMs),
    labels: labelsOf(run, test),
    parameters,
    attachments,
  };
}

function parametersOf(run: RunRecord, test: TestRecord) {
  const version = / v(\d+)$/.exec(test.suite)?.[1];
  const values: [string, string | undefined][] = [
    ["engine", run.engine.split(" from ")[0]],
    ["pg_version", version],
  ];
  return values.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function labelsOf(run: RunRecord, test: TestRecord) {
  const labels: [string, string][] = [
    ["parentSuite", test.suite],
    ["suite", test.file],
    ["package", test.file.replaceAll("/", ".")],
    ["framework", "neon-test"],
    ["language", "typescript"],
    ["host", run.machine],
    ...test.tags.map((tag): [string, string] => ["tag", tag]),
  ];
  return labels.map(([name, value]) => ({ name, value }));
}

function attach(directory: string, attempt: AttemptRecord, evidence: Evidence | undefined): Attachment[] {
  const save = (name: string, type: string, extension: string, text: string): Attachment => {
    const source = `${randomUUID()}-attachment.${extension}`;
    writeFileSync(join(directory, source), text);
    return { name, source, type };
  };
  const console = attempt.console === "" ? [] : [save("console", "text/plain", "txt", attempt.console)];
  if (evidence === undefined) return console;
  const events = evidence.events.map((event) => JSON.stringify(event)).join("\n");
  const logs = evidence.logs.filter(({ text }) => text !== "");
  return [
    ...console,
    ...(events === "" ? [] : [save("events", "application/json", "jsonl", events)]),
    ...logs.map(({ path, text }) => save(path, "text/plain", "log", text)),
  ];
}

const writeJson = (path: string, value: unknown): void => writeFileSync(path, JSON.stringify(value, null, 2));
