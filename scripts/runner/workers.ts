import { availableParallelism, freemem } from "node:os";

/** What one environment costs while it runs: the nodes of both engines, one compute, and the worker that runs the test. */
const MEMORY_PER_WORKER = 700 * 1024 * 1024;
/** What must be left for everything else. */
const MEMORY_FOR_OTHERS = 512 * 1024 * 1024;

export interface Machine {
  readonly cores: number;
  /** Bytes that may still be used, by a container's limit where there is one. */
  readonly memory: number;
}

/** As many tests at a time as there are cores, but no more than whose environments fit into memory; at least one. */
export function workersFor({ cores, memory }: Machine): number {
  const fitting = Math.floor((memory - MEMORY_FOR_OTHERS) / MEMORY_PER_WORKER);
  return Math.max(1, Math.min(cores, fitting));
}

export function thisMachine(): Machine {
  return { cores: availableParallelism(), memory: process.availableMemory?.() ?? freemem() };
}
