import { isFlaky, statusOf } from "../run-record";
import type { RunRecord, TestRecord } from "../run-record";
import { el, seconds } from "./dom";
import { tables } from "./tables";

const FILTERS = ["all", "failed", "flaky", "skipped", "passed"] as const;
type Filter = (typeof FILTERS)[number];

const shown: { filter: Filter; text: string } = { filter: "all", text: "" };

/** Every test with its result, its duration against the longest, and its rounds. */
export function overview(run: RunRecord): Node[] {
  const list = el("div", { class: "tests" });
  const refresh = (): void => list.replaceChildren(...rows(run));
  const search = el("input", { type: "search", placeholder: "name or file", value: shown.text });
  search.addEventListener("input", () => {
    shown.text = search.value;
    refresh();
  });
  const buttons = FILTERS.map((filter) => {
    const count = run.tests.filter((test) => matches(test, filter)).length;
    const button = el(
      "button",
      { class: `filter ${filter}`, "aria-pressed": String(shown.filter === filter) },
      `${filter} ${count}`,
    );
    button.addEventListener("click", () => {
      shown.filter = filter;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      refresh();
    });
    return button;
  });
  refresh();
  return [header(run), el("nav", {}, ...buttons, search), ...outsideErrors(run), ...tables(run), list];
}

function header(run: RunRecord): Node {
  const facts: [string, string][] = [
    ["command", run.command],
    ["engine", run.engine],
    ["machine", run.machine],
    ["began", new Date(run.startedAt).toLocaleString()],
    ["took", seconds(run.endedAt - run.startedAt)],
    ["seed", String(run.seed)],
    ...(run.shard === undefined ? [] : [["shard", run.shard] as [string, string]]),
  ];
  const rows = facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el(
    "header",
    {},
    el("h1", {}, run.isInterrupted ? "neon-test (interrupted)" : "neon-test"),
    el("dl", {}, ...rows),
  );
}

function outsideErrors(run: RunRecord): Node[] {
  return run.errors.map(({ message }) => el("pre", { class: "error" }, message));
}

function rows(run: RunRecord): Node[] {
  const longest = Math.max(1, ...run.tests.map(durationOf));
  const words = shown.text.toLowerCase();
  return run.tests
    .map((test, index) => ({ test, index }))
    .filter(({ test }) => matches(test, shown.filter) && test.fullName.toLowerCase().includes(words))
    .map(({ test, index }) => row(test, index, longest));
}

function row(test: TestRecord, index: number, longest: number): Node {
  const bar = el("span", { class: "bar" }, el("span", { style: `width:${(100 * durationOf(test)) / longest}%` }));
  const rounds =
    test.attempts.length > 1 ? test.attempts.map(({ status }) => el("i", { class: status, title: status })) : [];
  const note = test.attempts[0]?.note;
  return el(
    "a",
    { class: `entry ${statusOf(test)}`, href: `#/test/${index}` },
    el("span", { class: "status" }, isFlaky(test) ? "flaky" : statusOf(test)),
    el("span", { class: "name" }, test.fullName, ...(note === undefined ? [] : [el("small", {}, ` ${note}`)])),
    el("span", { class: "rounds" }, ...rounds),
    el("span", { class: "took" }, seconds(durationOf(test))),
    bar,
  );
}

function matches(test: TestRecord, filter: Filter): boolean {
  if (filter === "all") return true;
  return filter === "flaky" ? isFlaky(test) : statusOf(test) === filter;
}

const durationOf = ({ attempts }: TestRecord): number => Math.max(...attempts.map(({ durationMs }) => durationMs));
