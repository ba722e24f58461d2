export { compareDataDirectory } from "./compare-data-directory";
export { tableDigests } from "./table-digests";
export { checkRemoteStorage } from "./check-remote-storage";
export type { ScrubReport } from "./scrub-storage";
export { checkLogs, checkRunning } from "./check-env";
