import { readdirSync, readFileSync } from "node:fs";
import { errnoOf } from "../../types";

/** What Linux has counted for one process so far. */
export interface ProcessUsage {
  /** MB in memory now. */
  readonly residentMb: number;
  /** The most that it ever had, in MB. */
  readonly peakMb: number;
  /** Seconds of a core, in and out of the kernel, with its children, those that have ended included. */
  readonly cpuSeconds: number;
}

/** The unit of /proc/<pid>/stat on every Linux that Node.js runs on (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
/** utime, stime, cutime, cstime; counted from the field behind the program's name. */
const TIME_FIELDS = [11, 12, 13, 14];

/** Undefined where the process is gone, or the system has no /proc. */
export function processUsage(pid: number): ProcessUsage | undefined {
  const status = readProc(`${pid}/status`);
  if (status === undefined) return undefined;
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
  return { residentMb: megabytes("VmRSS"), peakMb: megabytes("VmHWM"), cpuSeconds: cpuSecondsOf(pid) };
}

function cpuSecondsOf(pid: number): number {
  const stat = readProc(`${pid}/stat`);
  if (stat === undefined) return 0;
  // The program's name, in brackets, may have blanks in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = TIME_FIELDS.reduce((sum, field) => sum + Number(fields[field]), 0) / TICKS_PER_SECOND;
  const children = readProc(`${pid}/task/${pid}/children`)?.match(/\d+/g) ?? [];
  return children.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), own);
}

/**
 * Seconds of a core that the threads of one process which still run have used, to the nanosecond (/proc's schedstat), for
 * stretches of work that are short beside a tick. Undefined where the system does not count them.
 */
export function exactCpuSeconds(pid: number): number | undefined {
  let nanoseconds = 0;
  for (const thread of threadsOf(pid)) {
    nanoseconds += Number(readProc(`${pid}/task/${thread}/schedstat`)?.split(" ")[0] ?? 0);
  }
  return nanoseconds === 0 ? undefined : nanoseconds / 1e9;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return [];
    throw error;
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
