export { checkRemoteStorage } from "./check-remote-storage";
export { checkLogs, checkRunning } from "./check-env";
