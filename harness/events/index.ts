export { nowMs } from "./event";
export type { HarnessEvent, NewEvent } from "./event";
export { EventLog, EVENTS_FILE, recorded, recordEvent } from "./event-log";
export { beginWait, describeOpenWaits } from "./open-waits";
