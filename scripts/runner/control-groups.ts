import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What this process' control groups allow, of a container or of systemd; Infinity where they don't say. */
export interface GroupLimits {
  /** Whole cores' worth of time. */
  readonly cores: number;
  /** Processes and threads that may still be started. */
  readonly tasks: number;
}

const MOUNT = "sys/fs/cgroup";

/** Version 2 or 1, from `/proc` and `/sys` below `root`; each group is limited by those around it, too. */
export function groupLimits(root = "/"): GroupLimits {
  const rows = (read(join(root, "proc/self/cgroup")) ?? "").trim().split("\n");
  const groups = rows.flatMap((row) => {
    const [, controllers = "", path = "/"] = row.split(":");
    return withAncestors(path).map((group) => join(root, MOUNT, controllers, group));
  });
  return {
    cores: Math.min(...groups.map(coresOf), Infinity),
    tasks: Math.min(...groups.map(tasksLeftIn), Infinity),
  };
}

/** A container may see its own group as the top of the mount, and its path as the machine calls it. */
const withAncestors = (path: string): string[] => (path === "/" ? [path] : [path, ...withAncestors(dirname(path))]);

function coresOf(group: string): number {
  const [quota, period] = read(join(group, "cpu.max"))?.split(" ") ?? [
    read(join(group, "cpu.cfs_quota_us")),
    read(join(group, "cpu.cfs_period_us")),
  ];
  const cores = Number(quota) / Number(period);
  return cores > 0 ? cores : Infinity;
}

function tasksLeftIn(group: string): number {
  const left = Number(read(join(group, "pids.max"))) - Number(read(join(group, "pids.current")));
  return Number.isNaN(left) ? Infinity : left;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Not on this system, or not for us to know.
    return undefined;
  }
}
