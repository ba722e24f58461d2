/** One action of a failpoint: what to do, how often, and how many times at most. */
export interface FailpointAction {
  readonly task: "off" | "return" | "sleep" | "delay" | "panic" | "print" | "pause" | "yield" | "exit";
  /** What stands in parentheses. */
  readonly argument: string | undefined;
  /** Between 0 and 1. */
  readonly frequency: number;
  /** How many more times it happens. */
  left: number;
}

const TASKS = new Set<string>(["off", "return", "sleep", "delay", "panic", "print", "pause", "yield"]);

function splitOnce(text: string, mark: string): [before: string | undefined, rest: string] {
  const at = text.indexOf(mark);
  return at === -1 ? [undefined, text] : [text.slice(0, at), text.slice(at + 1)];
}

function takeArgument(text: string): { head: string; argument: string | undefined } {
  const [head, rest] = splitOnce(text, "(");
  if (head === undefined) return { head: text, argument: undefined };
  if (!rest.endsWith(")")) throw new Error("parentheses do not match");
  return { head, argument: rest.slice(0, -1) };
}

function parseAction(text: string): FailpointAction {
  const { head, argument } = takeArgument(text.trim());
  const [percent, afterPercent] = splitOnce(head, "%");
  const [count, task] = splitOnce(afterPercent, "*");
  const frequency = percent === undefined ? 1 : Number(percent) / 100;
  if (percent === "" || Number.isNaN(frequency)) throw new Error("failed to parse frequency: invalid float literal");
  if (count !== undefined && !/^\d+$/.test(count)) {
    throw new Error(
      `failed to parse count: ${count === "" ? "cannot parse integer from empty string" : "invalid digit found in string"}`,
    );
  }
  if (!TASKS.has(task)) throw new Error(`unrecognized command ${JSON.stringify(task)}`);
  if (task === "sleep" || task === "delay") {
    if (argument === undefined) throw new Error("sleep require timeout");
    if (!/^\d+$/.test(argument)) throw new Error("failed to parse timeout: invalid digit found in string");
  }
  return {
    task: task as FailpointAction["task"],
    argument,
    frequency,
    left: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
  };
}

/**
 * Reads the actions of a failpoint in the notation of Rust's `fail` crate, `[p%][n*]task[(argument)]` joined by `->`, and
 * Neon's own `exit`. Throws with that crate's words.
 */
export function parseFailpointActions(text: string): FailpointAction[] {
  if (text === "exit") return [{ task: "exit", argument: undefined, frequency: 1, left: Number.POSITIVE_INFINITY }];
  return text.split("->").map(parseAction);
}
