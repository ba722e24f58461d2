import type { HttpService } from "../service";
import type { Controller } from "./controller";
import { parseHumantime } from "./humantime";
import { type ShardRecord, shardText } from "./model";

interface HealthUpdate {
  healthy_tenant_shards: string[];
  unhealthy_tenant_shards: string[];
}

const describe = (record: ShardRecord) => ({ tenant_shard_id: shardText(record), ...record.health });

/** `/control/v1/metadata_health`: what the scrubber found when it last looked at each shard's metadata. */
export function addMetadataHealthApi(http: HttpService, controller: Controller): void {
  const { shards, store } = controller;
  const records = (): ShardRecord[] => shards.all().map(({ record }) => record);
  http.route("POST", "/control/v1/metadata_health/update", async (request) => {
    const { healthy_tenant_shards, unhealthy_tenant_shards } = await request.json<HealthUpdate>();
    const last_scrubbed_at = new Date().toISOString();
    for (const [ids, healthy] of [[healthy_tenant_shards, true] as const, [unhealthy_tenant_shards, false] as const]) {
      for (const shard of ids.flatMap((id) => shards.find(id) ?? []))
        shard.record.health = { healthy, last_scrubbed_at };
    }
    await store.save();
    return {};
  });
  http.route("GET", "/control/v1/metadata_health/unhealthy", () => ({
    unhealthy_tenant_shards: records()
      .filter(({ health }) => !health.healthy)
      .map(shardText),
  }));
  http.route("POST", "/control/v1/metadata_health/outdated", async (request) => {
    const { not_scrubbed_for } = await request.json<{ not_scrubbed_for: string }>();
    const earliest = Date.now() - parseHumantime(not_scrubbed_for);
    const outdated = records().filter(({ health }) => Date.parse(health.last_scrubbed_at) <= earliest);
    return { health_records: outdated.map(describe) };
  });
}
