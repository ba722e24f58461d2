/** One way in which an engine's answer is not the recorded one. */
export interface Difference {
  /** Name of the recorded call. */
  call: string;
  recorded: string;
  came: string;
}

export type CallGroup =
  "pageserver" | "storage_controller" | "safekeeper" | "compute_ctl" | "page service" | "WAL service";

/** What became of one recorded call. */
export interface CallResult {
  name: string;
  group: CallGroup;
  differences: Difference[];
  /** Why the call was not replayed, where it wasn't. */
  notReplayed?: string;
}
