import type { Evidence } from "../evidence-record";
import type { AttemptRecord, RunRecord, TestRecord } from "../run-record";
import { el, seconds } from "./dom";
import { LogView } from "./log-view";
import { loadEvidence, mergedLines } from "./model";
import { timeline } from "./timeline";

/** One test: what failed, then what each node did beside what it logged. */
export function detail(run: RunRecord, test: TestRecord, round: number): Node[] {
  const attempt = test.attempts[round];
  if (attempt === undefined) return [el("p", {}, "there is no such round")];
  const below = el("section", { class: "evidence" });
  const errors = el(
    "section",
    { class: "errors" },
    ...attempt.errors.map(({ message, diff }) => errorBlock(message, diff)),
  );
  void showEvidence(attempt, below, errors);
  return [
    el("p", {}, el("a", { href: "#/" }, "← all tests")),
    el("h1", {}, test.fullName),
    el("p", { class: `facts ${attempt.status}` }, factsOf(run, test, attempt)),
    ...roundLinks(run, test, round),
    errors,
    ...(attempt.console === ""
      ? []
      : [el("details", {}, el("summary", {}, "console"), el("pre", {}, attempt.console))]),
    below,
  ];
}

function factsOf(run: RunRecord, test: TestRecord, attempt: AttemptRecord): string {
  const facts = [
    attempt.status,
    seconds(attempt.durationMs),
    `seed ${attempt.seed}`,
    ...test.tags,
    run.engine.split(" from ")[0] ?? "",
  ];
  if (attempt.kept !== undefined) facts.push(`files: ${attempt.kept}`);
  if (attempt.note !== undefined) facts.push(attempt.note);
  return facts.join(" · ");
}

function roundLinks(run: RunRecord, test: TestRecord, round: number): Node[] {
  if (test.attempts.length < 2) return [];
  const index = run.tests.indexOf(test);
  const links = test.attempts.map(({ status }, each) =>
    el(
      "a",
      { href: `#/test/${index}/${each}`, class: `round ${status}`, "aria-current": String(each === round) },
      String(each + 1),
    ),
  );
  return [el("p", {}, "rounds ", ...links)];
}

function errorBlock(message: string, diff: string | undefined): Node {
  const lines = message.split("\n").map((line) => el("span", { class: "line" }, `${line}\n`));
  return el(
    "div",
    { class: "error" },
    el("pre", {}, ...lines),
    ...(diff === undefined ? [] : [el("pre", { class: "diff" }, diff)]),
  );
}

async function showEvidence(attempt: AttemptRecord, below: HTMLElement, errors: HTMLElement): Promise<void> {
  if (attempt.evidence === undefined) {
    below.replaceChildren(
      el("p", { class: "note" }, "it asked for no environment, so there are no logs and no events"),
    );
    return;
  }
  let evidence: Evidence;
  try {
    evidence = await loadEvidence(attempt.evidence);
  } catch (error) {
    below.replaceChildren(el("p", { class: "note" }, String(error)));
    return;
  }
  const logs = new LogView(mergedLines(evidence));
  below.replaceChildren(
    timeline(evidence.events, attempt, (at) => logs.showTime(at)),
    logs.element,
  );
  linkLogLines(errors, logs);
}

/** The lines of a log that an error quotes lead to their place in the log. */
function linkLogLines(errors: HTMLElement, logs: LogView): void {
  for (const line of errors.querySelectorAll<HTMLElement>(".line")) {
    const quoted = /^ *\| (.*)/.exec(line.textContent ?? "")?.[1];
    const index = quoted === undefined ? -1 : logs.indexOf(quoted);
    if (index < 0) continue;
    line.classList.add("link");
    line.title = "show it in the log";
    line.addEventListener("click", () => logs.show(index));
  }
}
