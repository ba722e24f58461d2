import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { hideSecrets, messageOfUnknown } from "../types";
import { nowMs } from "./event";
import type { HarnessEvent, NewEvent } from "./event";

export const EVENTS_FILE = "events.jsonl";
const LONGEST_TEXT = 2000;

/** One test's `events.jsonl`, written line by line, so that it is there after any end. */
export class EventLog implements Disposable {
  readonly directory: string;
  readonly #fd: number;

  private constructor(directory: string) {
    this.directory = directory;
    this.#fd = openSync(join(directory, EVENTS_FILE), "a", 0o644);
  }

  /** From now on what happens in this directory is written there. */
  static open(directory: string): EventLog {
    const log = new EventLog(directory);
    openLogs.add(log);
    return log;
  }

  /** How many tests of this process have one now. */
  static openCount(): number {
    return openLogs.size;
  }

  write(event: HarnessEvent): void {
    writeSync(this.#fd, `${JSON.stringify(event, (_key, value: unknown) => shown(value))}\n`);
  }

  [Symbol.dispose](): void {
    if (openLogs.delete(this)) closeSync(this.#fd);
  }
}

const openLogs = new Set<EventLog>();

/**
 * Writes an event into the log of the test whose directory `place` (a log, a data directory) is in. Without a place, or
 * where nobody owns it, it goes to all tests that run in this process, which is one as a rule. `at` is when it began.
 */
export function recordEvent(event: NewEvent, place?: string, at = nowMs()): void {
  if (openLogs.size === 0) return;
  const owners =
    place === undefined ? [] : [...openLogs].filter(({ directory }) => `${place}/`.startsWith(`${directory}/`));
  for (const log of owners.length > 0 ? owners : openLogs) log.write({ at, ...event });
}

/** Runs it and records what it was, how long it took, and how it ended; a failure goes on as it came. */
export async function recorded<T>(
  event: (error: string | undefined) => NewEvent,
  action: () => Promise<T>,
): Promise<T> {
  const at = nowMs();
  const end = (error?: string): void => recordEvent({ ...event(error), ms: nowMs() - at }, undefined, at);
  try {
    const result = await action();
    end();
    return result;
  } catch (error) {
    end(messageOfUnknown(error).split("\n")[0]);
    throw error;
  }
}

function shown(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1000) / 1000;
  if (typeof value !== "string") return value;
  return hideSecrets(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
}
