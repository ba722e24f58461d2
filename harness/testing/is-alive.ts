import { listProcesses } from "../process/process-table.mjs";

/** Whether a process runs. One that is dead and not yet reaped doesn't, though a signal reaches it. */
export const isAlive = (pid: number): boolean => listProcesses().some((row) => row.pid === pid && row.alive);
