import { isFlaky, statusOf } from "./run-record";
import type { RunRecord, TestRecord } from "./run-record";

const MOST_ANNOTATIONS = 20;
const LONGEST_MESSAGE = 4000;

/** Workflow commands that mark failures in the files of a change; GitHub reads them in the job's output. */
export function githubAnnotations(run: RunRecord): string[] {
  const failed = run.tests.filter((test) => statusOf(test) === "failed").slice(0, MOST_ANNOTATIONS);
  return failed.map((test) => {
    const error = test.attempts.find(({ status }) => status === "failed")?.errors[0];
    const line = lineOf(test, error?.stack);
    const place = [`file=${property(test.file)}`, ...(line === undefined ? [] : [`line=${line}`])];
    const title = `title=${property(`${test.name} failed`)}`;
    return `::error ${[...place, title].join(",")}::${data((error?.message ?? "").slice(0, LONGEST_MESSAGE))}`;
  });
}

/** A job summary in Markdown. */
export function githubSummary(run: RunRecord): string {
  const by = (status: string): TestRecord[] => run.tests.filter((test) => statusOf(test) === status);
  const failed = by("failed");
  const minutes = ((run.endedAt - run.startedAt) / 60_000).toFixed(1);
  const shard = run.shard === undefined ? "" : `, shard ${run.shard}`;
  const counts = `**${by("passed").length} passed, ${failed.length} failed, ${by("skipped").length} skipped** in ${minutes} min`;
  const flaky = run.tests.filter(isFlaky);
  return [
    `### neon-test${shard}`,
    `${counts}; ${run.engine}; seed ${run.seed}`,
    ...failed.map((test) => failureSection(test)),
    ...(flaky.length === 0 ? [] : ["#### Flaky", ...flaky.map((test) => `- ${cell(test.fullName)}`)]),
    ...(run.errors.length === 0
      ? []
      : ["#### Outside of any test", ...run.errors.map(({ message }) => block(message))]),
    "",
  ].join("\n\n");
}

function failureSection(test: TestRecord): string {
  const errors = test.attempts.find(({ status }) => status === "failed")?.errors ?? [];
  const text = errors.map(({ message }) => message).join("\n\n");
  return `<details><summary>FAIL ${cell(test.fullName)}</summary>\n\n${block(text)}\n\n</details>`;
}

const block = (text: string): string => `\`\`\`\n${text.slice(0, LONGEST_MESSAGE).replaceAll("```", "'''")}\n\`\`\``;
const cell = (text: string): string => text.replaceAll("<", "&lt;").replaceAll("|", "\\|");

/** Of the first place in the test's own file that the error came through. */
function lineOf({ file }: TestRecord, stack = ""): string | undefined {
  const frame = stack.split("\n").find((text) => text.includes(file));
  return frame === undefined ? undefined : /:(\d+):\d+\)?$/.exec(frame.trim())?.[1];
}

const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
