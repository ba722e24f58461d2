export { KillSchedule } from "./kill-schedule";
export { Ledger } from "./ledger";
