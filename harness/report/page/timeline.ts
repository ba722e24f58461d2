import type { HarnessEvent } from "../../events/event";
import type { AttemptRecord } from "../run-record";
import { colorOf, el, seconds } from "./dom";

const TEST_LANE = "test";

/** A lane per node: when it ran, and every event on it. A click shows that moment in the logs. */
export function timeline(
  events: readonly HarnessEvent[],
  attempt: AttemptRecord,
  showTime: (at: number) => void,
): HTMLElement {
  const begin = Math.min(attempt.startedAt, ...events.map(({ at }) => at));
  const end = Math.max(attempt.startedAt + attempt.durationMs, ...events.map(({ at, ms = 0 }) => at + ms));
  const place = (at: number): number => (100 * (at - begin)) / Math.max(1, end - begin);
  const lanes = [...new Set(events.map(laneOf))];
  const rows = lanes.map((lane) => {
    const own = events.filter((event) => laneOf(event) === lane);
    const marks = own.map((event) => mark(event, place, begin, showTime));
    return el(
      "div",
      { class: "lane" },
      el("b", { style: `color:${colorOf(lane)}` }, lane),
      el("div", { class: "track" }, ...runs(own, lane, place), ...marks),
    );
  });
  return el("div", { class: "timeline" }, axis(end - begin), ...rows);
}

const laneOf = (event: HarnessEvent): string => event.node ?? TEST_LANE;

/** From each spawn to its exit. */
function runs(events: readonly HarnessEvent[], lane: string, place: (at: number) => number): HTMLElement[] {
  return events.flatMap((event) => {
    if (event.kind !== "spawn") return [];
    const exit = events.find((other) => other.kind === "exit" && other.pid === event.pid);
    const [from, to] = [place(event.at), exit === undefined ? 100 : place(exit.at)];
    return [el("div", { class: "run", style: `left:${from}%;width:${to - from}%;background:${colorOf(lane)}` })];
  });
}

function mark(
  event: HarnessEvent,
  place: (at: number) => number,
  begin: number,
  showTime: (at: number) => void,
): HTMLElement {
  const width = event.ms === undefined ? "" : `;width:${place(event.at + event.ms) - place(event.at)}%`;
  const title = `+${seconds(event.at - begin)} ${describe(event)}`;
  const isBad = ("error" in event && event.error !== undefined) || ("outcome" in event && event.outcome === "failed");
  const attributes = {
    class: `mark ${event.kind}${isBad ? " bad" : ""}`,
    style: `left:${place(event.at)}%${width}`,
    title,
  };
  return el("button", { ...attributes, onclick: () => showTime(event.at) });
}

function describe(event: HarnessEvent): string {
  const took = event.ms === undefined ? "" : ` (${seconds(event.ms)})`;
  switch (event.kind) {
    case "spawn":
      return `spawn, pid ${event.pid}: ${event.command}`;
    case "ready":
      return `ready${took}`;
    case "exit":
      return `exit: ${event.how}`;
    case "kill":
      return `${event.signal} sent`;
    case "stop":
      return `stop: ${event.how}${took}`;
    case "query":
    case "request":
      return `${event.kind} ${event.text}${took}${event.error === undefined ? "" : `: ${event.error}`}`;
    case "wait":
      return `wait for ${event.what}: ${event.outcome}${took}; last observed: ${event.last}`;
    case "fault":
    case "test":
      return `${event.kind}: ${event.what}`;
  }
}

function axis(lengthMs: number): HTMLElement {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    el("span", { style: `left:${100 * part}%` }, seconds(part * lengthMs)),
  );
  return el("div", { class: "lane axis" }, el("b"), el("div", { class: "track" }, ...ticks));
}
