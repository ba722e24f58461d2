import { ApiError, createLogger, HttpService } from "../service";
import { TenantShardId } from "../../types";
import type { LocationConfig } from "./model";

/** A pageserver's management API over HTTP, holding only what it was told. */
export interface FakePageserver {
  readonly id: number;
  readonly port: number;
  readonly locations: Map<string, LocationConfig>;
  readonly requests: string[];
  /** last_record_lsn of its timelines, as GET timeline tells it. */
  lastRecordLsn: string;
  /** Answers of the next requests to split a shard: undefined does it. */
  splitFails: boolean;
  readonly register: object;
  /** Takes the generations of an answer to re-attach. */
  adopt(answer: unknown): void;
  close(): Promise<void>;
}

interface FakeParts {
  locations: Map<string, LocationConfig>;
  requests: string[];
  state: { splitFails: boolean };
}

/** Warm copies, which are always warm, and splits. */
function addShardRoutes(http: HttpService, { locations, requests, state }: FakeParts): void {
  http.route("GET", "/v1/tenant/:shard/secondary/status", () => ({ bytes_total: 10, bytes_downloaded: 10 }));
  http.route("POST", "/v1/tenant/:shard/secondary/download", ({ params }) => {
    requests.push(`download ${params["shard"]}`);
    return {};
  });
  http.route("PUT", "/v1/tenant/:shard/shard_split", async (request) => {
    const parent = TenantShardId.parse(request.params["shard"] ?? "");
    const { new_shard_count: shardCount } = await request.json<{ new_shard_count: number }>();
    const step = Math.max(1, parent.shardCount);
    const children = Array.from({ length: shardCount / step }, (_, index) =>
      TenantShardId.format({ ...parent, shardNumber: parent.shardNumber + index * step, shardCount }),
    );
    const had = locations.get(TenantShardId.format(parent));
    if (had === undefined) throw new ApiError(404, "NotFound: tenant");
    for (const child of children) locations.set(child, had);
    if (state.splitFails) throw new ApiError(500, "split failed");
    locations.delete(TenantShardId.format(parent));
    return { new_shards: children };
  });
}

/** Starts one on this port, or on any; `locations` are those it still has from before. */
export async function startFakePageserver(id: number, port = 0, locations = new Map<string, LocationConfig>()) {
  const http = new HttpService(createLogger(() => undefined));
  const requests: string[] = [];
  const timelines = new Map<string, unknown>();
  http.route("GET", "/v1/utilization", () => ({ shard_count: locations.size, utilization_score: 0 }));
  http.route("GET", "/v1/location_config", () => ({ tenant_shards: [...locations] }));
  const state = { lastRecordLsn: "0/1", splitFails: false };
  addShardRoutes(http, { locations, requests, state });
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
    const timeline = {
      ...body,
      timeline_id: body.new_timeline_id,
      tenant_id: request.params["shard"],
      ancestor_lsn: "0/14EC3A8",
    };
    timelines.set(body.new_timeline_id, timeline);
    return timeline;
  });
  http.route("GET", "/v1/tenant/:shard/timeline", ({ query }) => {
    const known = [...timelines.values()].map((timeline) => ({
      ...(timeline as object),
      last_record_lsn: state.lastRecordLsn,
    }));
    return query.has("x") ? [...known, query.get("x")] : known;
  });
  http.route("DELETE", "/v1/tenant/:shard/timeline/:timeline", ({ params }) => {
    if (!timelines.delete(params["timeline"] ?? "")) throw new ApiError(404, "NotFound: timeline not found");
  });
  await http.listen("127.0.0.1", port);
  return Object.assign(state, {
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
  }) satisfies FakePageserver;
}
