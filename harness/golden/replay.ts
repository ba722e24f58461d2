import type { NeonEnvBuilder } from "../env";
import type { CallGroup, CallResult } from "./difference";
import type { ReplayReport } from "./report";
import { HttpReplay } from "./http-replay";
import { readRecordedCalls } from "./recording";
import { replayCommands } from "./replay-commands";
import { replayPagestream } from "./replay-pagestream";
import { startStage } from "./stage";
import { translationTo } from "./translate";

/** Starts the builder's environment in the recorded topology and makes every recorded call that can be made again. */
export async function replayRecordedAnswers(builder: NeonEnvBuilder, directory: string): Promise<ReplayReport> {
  const stage = await startStage(builder);
  const translation = await translationTo(stage);
  const { calls, unrecorded } = readRecordedCalls(directory);
  const firstOfSafekeeper = calls.findIndex((call) => call.node === "safekeeper");
  const http = new HttpReplay(translation);
  // The sessions' leases would change some of the pageserver's answers, and later calls move the tenant elsewhere.
  const results = [
    ...(await http.replay(calls.slice(0, firstOfSafekeeper))),
    ...(await replayCommands(directory, stage, translation)),
    ...(await replayPagestream(directory, stage, translation)),
    ...(await http.replay(calls.slice(firstOfSafekeeper))),
    ...unrecorded.map((call) => ({ ...call, differences: [], notReplayed: "the answer was not kept" })),
  ];
  return { engine: sectionName(stage.env.engine.facts.description), results: inOrder(results) };
}

const sectionName = (description: string): string =>
  description.startsWith("embedded engine") ? "Embedded engine" : "Real Neon";

const ORDER: readonly CallGroup[] = [
  "pageserver",
  "page service",
  "safekeeper",
  "WAL service",
  "storage_controller",
  "compute_ctl",
];

const inOrder = (results: CallResult[]): CallResult[] =>
  ORDER.flatMap((group) => results.filter((result) => result.group === group));
