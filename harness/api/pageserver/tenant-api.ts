import type { TenantId } from "../../types";
import { tenantPath, tenantText } from "../ids";
import type { AnyTenantId } from "../ids";
import type { CallOptions } from "../http/client";
import type { TenantConfigAnswer, TenantSettings } from "../tenant-config";
import { PageserverNodeApi } from "./node-api";
import type {
  LocationConfig,
  LocationConfigAnswer,
  LocationConfigPutAnswer,
  SecondaryProgress,
  SyntheticSize,
  TenantDetails,
  TenantInfo,
} from "./tenant-types";

/** Attaching, detaching and settings of tenants. */
export abstract class PageserverTenantApi extends PageserverNodeApi {
  listTenants(call: CallOptions = {}): Promise<TenantInfo[]> {
    return this.http.json("/v1/tenant", call);
  }

  /** 404 where the pageserver doesn't have it; with `activate` a tenant that waits for its turn is activated now. */
  tenant(id: AnyTenantId, options: { activate?: boolean } = {}, call: CallOptions = {}): Promise<TenantDetails> {
    return this.http.json(tenantPath(id), { ...call, query: { activate: options.activate } });
  }

  /** Deletes the tenant here and in remote storage. */
  async deleteTenant(id: AnyTenantId, call: CallOptions = {}): Promise<void> {
    await this.http.send(tenantPath(id), { ...call, method: "DELETE" });
  }

  /** Moves the tenant to a mode. The generation comes from the storage controller's attach hook. */
  locationConfig(
    id: AnyTenantId,
    config: LocationConfig,
    options: CallOptions & { flushMs?: number; lazy?: boolean } = {},
  ): Promise<LocationConfigPutAnswer | null> {
    const { flushMs, lazy, ...call } = options;
    const query = { flush_ms: flushMs, lazy };
    return this.http.json(`${tenantPath(id)}/location_config`, { ...call, method: "PUT", body: config, query });
  }

  /** Resolves when the pageserver has let go of the tenant. */
  async detachTenant(id: AnyTenantId, call: CallOptions = {}): Promise<void> {
    await this.locationConfig(id, { mode: "Detached", tenant_conf: {} }, call);
  }

  listLocations(
    call: CallOptions = {},
  ): Promise<{ tenant_shards: [id: string, config: LocationConfigAnswer | null][] }> {
    return this.http.json("/v1/location_config", call);
  }

  location(id: AnyTenantId, call: CallOptions = {}): Promise<LocationConfigAnswer> {
    return this.http.json(`/v1/location_config/${tenantText(id)}`, call);
  }

  tenantConfig(id: AnyTenantId, call: CallOptions = {}): Promise<TenantConfigAnswer> {
    return this.http.json(`${tenantPath(id)}/config`, call);
  }

  /** Replaces all settings of the tenant: what is not given goes back to the pageserver's default. */
  async setTenantConfig(tenantId: TenantId, config: TenantSettings, call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/tenant/config", { ...call, method: "PUT", body: { ...config, tenant_id: tenantId } });
  }

  /** Changes only what is given; null takes a setting away. */
  async patchTenantConfig(tenantId: TenantId, config: TenantSettings, call: CallOptions = {}): Promise<void> {
    await this.http.send("/v1/tenant/config", { ...call, method: "PATCH", body: { ...config, tenant_id: tenantId } });
  }

  /** Detaches and attaches again in the same generation; with `dropCache` local layers are thrown away. */
  async resetTenant(id: AnyTenantId, options: { dropCache?: boolean } = {}, call: CallOptions = {}): Promise<void> {
    const query = { drop_cache: options.dropCache };
    await this.http.send(`${tenantPath(id)}/reset`, { ...call, method: "POST", query });
  }

  splitShard(
    id: AnyTenantId,
    request: { new_shard_count: number; new_stripe_size?: number },
    call: CallOptions = {},
  ): Promise<{ new_shards: string[] }> {
    return this.http.json(`${tenantPath(id)}/shard_split`, {
      timeoutMs: 120_000,
      ...call,
      method: "PUT",
      body: request,
    });
  }

  /** Takes remote storage (S3 with versions only) back to what it was at `travelTo`. The tenant must be detached. */
  async timeTravelRemoteStorage(
    id: AnyTenantId,
    options: { travelTo: Date; doneIfAfter: Date; shardCounts?: number[] },
    call: CallOptions = {},
  ): Promise<void> {
    await this.http.send(`${tenantPath(id)}/time_travel_remote_storage`, {
      timeoutMs: 120_000,
      ...call,
      method: "PUT",
      query: { travel_to: options.travelTo.toISOString(), done_if_after: options.doneIfAfter.toISOString() },
      body: { shard_counts: options.shardCounts ?? [] },
    });
  }

  syntheticSize(
    id: AnyTenantId,
    options: { inputsOnly?: boolean; retentionPeriod?: number } = {},
    call: CallOptions = {},
  ): Promise<SyntheticSize> {
    const query = { inputs_only: options.inputsOnly, retention_period: options.retentionPeriod };
    return this.http.json(`${tenantPath(id)}/synthetic_size`, { ...call, query });
  }

  /** The same as a picture: a page of HTML with an SVG in it. */
  syntheticSizePage(id: AnyTenantId, call: CallOptions = {}): Promise<string> {
    return this.http.text(`${tenantPath(id)}/synthetic_size`, { ...call, headers: { accept: "text/html" } });
  }

  async uploadHeatmap(id: AnyTenantId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`${tenantPath(id)}/heatmap_upload`, { ...call, method: "POST" });
  }

  /** 404 where the tenant is not secondary here. */
  secondaryStatus(id: AnyTenantId, call: CallOptions = {}): Promise<SecondaryProgress> {
    return this.http.json(`${tenantPath(id)}/secondary/status`, call);
  }

  /** Downloads what the heatmap names, for at most `waitMs`; `done` is false where there was not time enough. */
  async downloadSecondary(
    id: AnyTenantId,
    options: { waitMs?: number } = {},
    call: CallOptions = {},
  ): Promise<{ done: boolean; progress: SecondaryProgress }> {
    const path = `${tenantPath(id)}/secondary/download`;
    const query = { wait_ms: options.waitMs };
    const timeoutMs = 30_000 + (options.waitMs ?? 0);
    const answer = await this.http.send(path, { timeoutMs, ...call, method: "POST", query });
    const progress = JSON.parse(answer.body.toString("utf8")) as SecondaryProgress;
    return { done: answer.status === 200, progress };
  }

  /** Which shards of the tenant remote storage has, and their newest generation. */
  scanRemoteStorage(
    tenantId: TenantId,
    call: CallOptions = {},
  ): Promise<{ shards: { tenant_shard_id: string; generation: number | null }[] }> {
    return this.http.json(`${tenantPath(tenantId)}/scan_remote_storage`, call);
  }

  /** Puts the tenant into the state Broken. */
  async breakTenant(id: AnyTenantId, call: CallOptions = {}): Promise<void> {
    this.need("testing", "break a tenant");
    await this.http.send(`${tenantPath(id)}/break`, { ...call, method: "PUT" });
  }
}
