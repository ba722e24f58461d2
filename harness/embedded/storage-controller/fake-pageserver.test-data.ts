import { ApiError, createLogger, HttpService } from "../service";
import type { LocationConfig } from "./model";

/** A pageserver's management API over HTTP, holding only what it was told. */
export interface FakePageserver {
  readonly id: number;
  readonly port: number;
  readonly locations: Map<string, LocationConfig>;
  readonly requests: string[];
  readonly register: object;
  /** Takes the generations of an answer to re-attach. */
  adopt(answer: unknown): void;
  close(): Promise<void>;
}

/** Starts one on this port, or on any; `locations` are those it still has from before. */
export async function startFakePageserver(id: number, port = 0, locations = new Map<string, LocationConfig>()) {
  const http = new HttpService(createLogger(() => undefined));
  const requests: string[] = [];
  const timelines = new Map<string, unknown>();
  http.route("GET", "/v1/utilization", () => ({ shard_count: locations.size, utilization_score: 0 }));
  http.route("GET", "/v1/location_config", () => ({ tenant_shards: [...locations] }));
  http.route("PUT", "/v1/tenant/:shard/location_config", async (request) => {
    const shard = request.params["shard"] ?? "";
    const wanted = await request.json<LocationConfig>();
    requests.push(`PUT ${shard} ${wanted.mode} ${wanted.generation}`);
    const had = locations.get(shard)?.generation ?? 0;
    if (wanted.generation !== null && wanted.generation < had) throw new ApiError(400, '"Generation is less"');
    if (wanted.mode === "Detached") locations.delete(shard);
    else locations.set(shard, wanted);
    return { shards: [] };
  });
  http.route("DELETE", "/v1/tenant/:shard", ({ params }) => {
    requests.push(`DELETE ${params["shard"]}`);
    if (!locations.delete(params["shard"] ?? "")) throw new ApiError(404, "NotFound: tenant");
  });
  http.route("POST", "/v1/tenant/:shard/timeline", async (request) => {
    const body = await request.json<{ new_timeline_id: string }>();
    requests.push(`POST timeline on ${request.params["shard"]} ${JSON.stringify(body)}`);
    const timeline = { ...body, tenant_id: request.params["shard"], ancestor_lsn: "0/14EC3A8" };
    timelines.set(body.new_timeline_id, timeline);
    return timeline;
  });
  http.route("GET", "/v1/tenant/:shard/timeline", ({ query }) => [...timelines.values(), query.get("x")]);
  http.route("DELETE", "/v1/tenant/:shard/timeline/:timeline", ({ params }) => {
    if (!timelines.delete(params["timeline"] ?? "")) throw new ApiError(404, "NotFound: timeline not found");
  });
  await http.listen("127.0.0.1", port);
  return {
    id,
    port: http.port,
    locations,
    requests,
    register: {
      node_id: id,
      listen_pg_addr: "localhost",
      listen_pg_port: 10_000 + id,
      listen_http_addr: "localhost",
      listen_http_port: http.port,
      availability_zone_id: `us-east-2${"?ab"[id]}`,
    },
    adopt: (answer: unknown) => {
      for (const { id: shard, gen } of (answer as { tenants: { id: string; gen: number }[] }).tenants) {
        const location = locations.get(shard);
        if (location !== undefined) locations.set(shard, { ...location, generation: gen });
      }
    },
    close: () => http.close(),
  } satisfies FakePageserver;
}
