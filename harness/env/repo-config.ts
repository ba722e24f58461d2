import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { errnoOf, HarnessError, messageOfUnknown, TenantId, TimelineId } from "../types";
import type { Branch } from "./branches";

/** What stands in a repo's `config`, as neon_local writes it (neon-protocols §1.4); whatever else is kept as it is. */
export interface RepoConfig {
  initialTenant: TenantId;
  branches: { name: string; branch: Branch }[];
}

const FILE = "config";

/** The file's text, for neon_local and for `fromRepoDir`. */
export function repoConfigText(config: RepoConfig, nodes: Record<string, unknown>): string {
  const mappings: Record<string, [string, string][]> = {};
  for (const { name, branch } of config.branches) {
    (mappings[name] ??= []).push([branch.tenantId, branch.timelineId]);
  }
  return stringify({ ...nodes, default_tenant_id: config.initialTenant, branch_name_mappings: mappings });
}

export const repoConfigPath = (repoDir: string): string => join(repoDir, FILE);

/** Throws BAD_CONFIG for what is no repo of neon_local's or ours. */
export function readRepoConfig(repoDir: string): RepoConfig {
  const path = repoConfigPath(repoDir);
  let toml: Record<string, unknown>;
  try {
    toml = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw notARepo(path, errnoOf(error) ?? messageOfUnknown(error));
  }
  const { default_tenant_id: tenant, branch_name_mappings: mappings } = toml;
  if (typeof tenant !== "string" || typeof mappings !== "object" || mappings === null) {
    throw notARepo(path, `a file with ${Object.keys(toml).join(", ") || "nothing"}`);
  }
  const branches = Object.entries(mappings as Record<string, [string, string][]>).flatMap(([name, pairs]) =>
    pairs.map(([tenantId, timelineId]) => ({
      name,
      branch: { tenantId: TenantId.parse(tenantId), timelineId: TimelineId.parse(timelineId) },
    })),
  );
  return { initialTenant: TenantId.parse(tenant), branches };
}

function notARepo(path: string, found: string): HarnessError {
  return new HarnessError("BAD_CONFIG", {
    summary: "this is not the directory of an environment",
    expected: `${path} with default_tenant_id and branch_name_mappings`,
    found,
    todo: "name a repo that neon_local or this harness made, and that was stopped",
    facts: { path },
  });
}
