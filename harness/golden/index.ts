export { unlistedDifferences, writeDifferences } from "./document";
export { recordingDirectory } from "./recording-directory";
export { replayRecordedAnswers } from "./replay";
export { countByGroup, differencesOf, lineOf } from "./report";
export type { ReplayReport } from "./report";
