import { assertPortFree } from "../ports";
import { HarnessError } from "../types";
import type { FoundLine } from "./log-search";

/** As Rust, Postgres, libuv and Go say it. */
const IN_USE = /address already in use/i;

interface FailedStart {
  readonly name: string;
  readonly ports: readonly number[];
  /** The first line that matches of what the node has written in this start. */
  readonly said: (pattern: RegExp) => FoundLine | undefined;
}

/**
 * The reason why a node could not start: PORT_TAKEN where somebody else listens on one of its ports now that it is gone,
 * or where it says itself that one was taken, for a stranger may have let go of it since; else what it was. Nobody can
 * hold a port for a process that has yet to bind it.
 */
export async function orPortTaken({ name, ports, said }: FailedStart, error: unknown): Promise<unknown> {
  try {
    await Promise.all(ports.map((port) => assertPortFree(port, name)));
  } catch (taken) {
    return taken;
  }
  const found = said(IN_USE);
  if (found === undefined) return error;
  return new HarnessError("PORT_TAKEN", {
    summary: `a port of ${name} was taken when it started`,
    expected: `one of ${ports.join(", ")} to be free`,
    found: found.line.trim(),
    todo: "see who listens in this range, and start it again",
    cause: error,
  });
}

/** PORT_TAKEN, by itself or among what several nodes failed with. */
export function isPortTaken(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isPortTaken);
  return HarnessError.is(error, "PORT_TAKEN");
}
