export { KillSchedule } from "./kill-schedule";
export { Ledger } from "./ledger";
export { NetworkProxy } from "./network-proxy";
export type { Direction } from "./network-proxy";
