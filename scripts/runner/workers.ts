import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";
import type { EnvironmentCost } from "../../harness/engine";
import { groupLimits } from "./control-groups";

/** The worker that runs the tests, besides their environments: its heap, its threads. */
const WORKER: EnvironmentCost = { memory: 200 * 1024 * 1024, tasks: 20 };
/** What must be left for everything else, the command among it. */
const FOR_OTHERS: EnvironmentCost = { memory: 512 * 1024 * 1024, tasks: 100 };

export interface Machine {
  /** Cores that we may use, by a container's quota where there is one. */
  readonly cores: number;
  /** Bytes that may still be used, by a container's limit where there is one. */
  readonly memory: number;
  /** Processes and threads that may still be started. */
  readonly tasks: number;
}

/** As many tests at a time as there are cores, but no more than whose environments the machine can bear; at least one. */
export function workersFor({ cores, memory, tasks }: Machine, environment: EnvironmentCost): number {
  const byMemory = (memory - FOR_OTHERS.memory) / (environment.memory + WORKER.memory);
  const byTasks = (tasks - FOR_OTHERS.tasks) / (environment.tasks + WORKER.tasks);
  return Math.max(1, Math.floor(Math.min(cores, byMemory, byTasks)));
}

export function thisMachine(): Machine {
  const groups = groupLimits();
  return {
    cores: Math.min(availableParallelism(), groups.cores),
    memory: process.availableMemory?.() ?? freemem(),
    tasks: Math.min(taskLimit(), groups.tasks),
  };
}

/** `ulimit -u`, which the nodes' user inherits. */
function taskLimit(): number {
  const text = existsSync("/proc/self/limits") ? readFileSync("/proc/self/limits", "utf8") : "";
  return Number(/^Max processes\s+(\d+)/m.exec(text)?.[1] ?? Infinity);
}
