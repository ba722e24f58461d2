import type { HarnessEvent } from "../events/event";

/** What reports keep of one attempt besides its result: the harness' events and the nodes' logs. */
export interface Evidence {
  readonly events: readonly HarnessEvent[];
  readonly logs: readonly LogCopy[];
}

export interface LogCopy {
  /** `pageserver_1/pageserver.log`. */
  readonly path: string;
  /** `pageserver`; the logs of nodes that are numbered have the number. */
  readonly node: string;
  /** Secrets hidden; the middle left out where it is long. */
  readonly text: string;
  readonly omittedBytes: number;
}
