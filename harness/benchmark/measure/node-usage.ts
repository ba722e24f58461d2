import type { ComparedSystem } from "../systems/compared-system";
import type { Benchmark } from "./benchmark";
import { processUsage } from "./process-usage";

/** Runs the work and records what the system's processes needed for it: processor time, memory, and bytes written. */
export async function recordUsage(
  benchmark: Benchmark,
  system: ComparedSystem,
  work: () => Promise<void>,
): Promise<void> {
  const before = new Map([...system.pids()].map(([name, pid]) => [name, { pid, usage: processUsage(pid) }]));
  const written = await system.bytesWritten();
  await work();
  for (const [name, pid] of system.pids()) {
    const usage = processUsage(pid);
    const earlier = before.get(name);
    if (usage === undefined) continue;
    // One that was restarted meanwhile counts from its start.
    const cpuBefore = earlier?.pid === pid ? (earlier.usage?.cpuSeconds ?? 0) : 0;
    benchmark.record("cpu", usage.cpuSeconds - cpuBefore, "s of a core", "lower", name);
    benchmark.record("resident", usage.residentMb, "MB", "lower", name);
    benchmark.record("peak resident", usage.peakMb, "MB", "lower", name);
  }
  const writtenAfter = await system.bytesWritten();
  if (written === undefined || writtenAfter === undefined) return;
  benchmark.record("pageserver writes", (writtenAfter - written) / 1024 / 1024, "MB", "lower");
}
