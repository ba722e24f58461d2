export { checkLogs, checkRunning } from "./check-env";
