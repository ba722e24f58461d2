import { statfsSync } from "node:fs";
import type { TenantManager } from "./tenants/tenant-manager";

export interface Utilization {
  disk_usage_bytes: number;
  free_space_bytes: number;
  disk_wanted_bytes: number;
  disk_usable_pct: number;
  shard_count: number;
  max_shard_count: number;
  utilization_score: number;
  captured_at: string;
}

const PARTS = 1_000_000;

/** How full the node is: what the storage controller decides by. */
export function utilization(manager: TenantManager): Utilization {
  const disk = statfsSync(manager.node.config.workdir);
  const tenants = manager.all().filter((tenant) => tenant.isAttached);
  const wanted = tenants
    .flatMap((tenant) => [...tenant.timelines.values()])
    .reduce((sum, timeline) => sum + timeline.layers.sizes().total, 0);
  return {
    disk_usage_bytes: (disk.blocks - disk.bfree) * disk.bsize,
    free_space_bytes: disk.bavail * disk.bsize,
    disk_wanted_bytes: wanted,
    disk_usable_pct: 100,
    shard_count: tenants.length,
    max_shard_count: 20000,
    utilization_score: Math.round((PARTS * wanted) / Math.max(1, disk.blocks * disk.bsize)),
    captured_at: new Date().toISOString(),
  };
}

export const nodeUtilization = (manager: TenantManager): number => utilization(manager).utilization_score;
