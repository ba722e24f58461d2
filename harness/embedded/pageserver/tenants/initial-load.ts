import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { TenantShardId } from "../../../types";
import { unlessMissing } from "../../service";
import { stats } from "../stats";
import { type LocationConf, locationConfFromToml } from "../config/location-conf";
import type { ReAttachTenant } from "./re-attach";
import type { TenantManager } from "./tenant-manager";

/**
 * Brings back the tenants on this disk. The storage controller's answer decides how: what it does not name is removed, and
 * without one (no control plane configured) every tenant stays as it was.
 */
export async function initialLoad(
  manager: TenantManager,
  answer: readonly ReAttachTenant[] | undefined,
): Promise<void> {
  const root = join(manager.node.config.workdir, "tenants");
  const wanted = answer === undefined ? undefined : new Map(answer.map((tenant) => [tenant.id, tenant]));
  const loads = ((await unlessMissing(readdir(root))) ?? []).map(async (name) => {
    const dir = join(root, name);
    const conf = await readConf(dir);
    const told = wanted?.get(name);
    if (conf === undefined || (wanted !== undefined && told === undefined)) {
      manager.node.log.info(`removing local files of tenant ${name}: it is not attached here`);
      return rm(dir, { recursive: true, force: true });
    }
    const location = told === undefined ? conf : asTold(conf, told);
    stats.startup.scheduled += 1;
    await manager.setLocation(TenantShardId.parse(name), location, { flush: false });
    stats.startup.complete += 1;
  });
  await Promise.all(loads);
}

function asTold(conf: LocationConf, told: ReAttachTenant): LocationConf {
  if (told.gen === null || told.mode === "Secondary") return { ...conf, mode: "Secondary", generation: undefined };
  const mode = told.mode === undefined || told.mode === "Detached" ? "AttachedSingle" : told.mode;
  return { ...conf, mode, generation: told.gen };
}

async function readConf(dir: string): Promise<LocationConf | undefined> {
  const text = await unlessMissing(readFile(join(dir, "config-v1"), "utf8"));
  return text === undefined ? undefined : locationConfFromToml(text);
}
