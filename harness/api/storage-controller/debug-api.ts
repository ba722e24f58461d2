import type { TenantId, TenantShardId } from "../../types";
import { TenantShardId as Shards } from "../../types";
import type { CallOptions } from "../http/client";
import type { LocationMode } from "../pageserver/tenant-types";
import type { NodeRegistration } from "./node-types";
import { ControllerTenantApi } from "./tenant-api";
import type { NewTenantShards, SchedulerDump, ShardDump } from "./tenant-types";

/** Generations by hand, dumps, reconciliation on demand, and the calls that pageservers make. */
export abstract class ControllerDebugApi extends ControllerTenantApi {
  /** The generation for an attach to `nodeId`; null detaches. Every call counts it up. */
  async attachHook(
    shard: TenantShardId,
    nodeId: number | null,
    options: CallOptions & { generationOverride?: number } = {},
  ): Promise<number | null> {
    const { generationOverride, ...call } = options;
    const body = {
      tenant_shard_id: Shards.format(shard),
      node_id: nodeId,
      generation_override: generationOverride,
    };
    const request = { ...call, method: "POST", body } as const;
    return (await this.http.json<{ gen: number | null }>("/debug/v1/attach-hook", request)).gen;
  }

  /** Where the shard is attached and in which generation; undefined where it is nowhere. */
  async inspect(
    shard: TenantShardId,
    call: CallOptions = {},
  ): Promise<{ generation: number; nodeId: number } | undefined> {
    const request = { ...call, method: "POST", body: { tenant_shard_id: Shards.format(shard) } } as const;
    const { attachment } = await this.http.json<{ attachment: [number, number] | null }>("/debug/v1/inspect", request);
    return attachment === null ? undefined : { generation: attachment[0], nodeId: attachment[1] };
  }

  dumpShards(call: CallOptions = {}): Promise<ShardDump[]> {
    return this.http.json("/debug/v1/tenant", call);
  }

  dumpScheduler(call: CallOptions = {}): Promise<SchedulerDump> {
    return this.http.json("/debug/v1/scheduler", call);
  }

  /** Compares memory and database; an HttpStatusError where they differ. */
  async checkConsistency(call: CallOptions = {}): Promise<void> {
    await this.http.send("/debug/v1/consistency_check", { ...call, method: "POST" });
  }

  /** Starts all reconciliations that are due; how many there are. 0 means that nothing is left to do. */
  reconcileAll(call: CallOptions = {}): Promise<number> {
    return this.http.json("/debug/v1/reconcile_all", { ...call, method: "POST" });
  }

  /** Takes over a tenant that the pageservers have and the controller does not know. */
  importTenant(tenantId: TenantId, call: CallOptions = {}): Promise<NewTenantShards> {
    return this.http.json(`/debug/v1/tenant/${tenantId}/import`, { timeoutMs: 60_000, ...call, method: "POST" });
  }

  /** Forgets the tenant; the pageservers keep what they have. */
  async dropTenant(tenantId: TenantId, call: CallOptions = {}): Promise<void> {
    await this.http.send(`/debug/v1/tenant/${tenantId}/drop`, { ...call, method: "POST" });
  }

  /** What a pageserver asks at its start. Every attached shard's generation counts up. Needs the scope generations_api. */
  async reAttach(
    nodeId: number,
    options: CallOptions & { register?: NodeRegistration } = {},
  ): Promise<{ id: string; gen: number | null; mode: LocationMode }[]> {
    const { register, ...call } = options;
    const request = { ...call, method: "POST", body: { node_id: nodeId, register } } as const;
    const path = "/upcall/v1/re-attach";
    return (await this.http.json<{ tenants: { id: string; gen: number | null; mode: LocationMode }[] }>(path, request))
      .tenants;
  }

  /** Which of these generations are still the newest; tenants that the controller does not know are left out. */
  async validate(
    tenants: readonly { id: string; gen: number }[],
    call: CallOptions = {},
  ): Promise<{ id: string; valid: boolean }[]> {
    const request = { ...call, method: "POST", body: { tenants } } as const;
    return (await this.http.json<{ tenants: { id: string; valid: boolean }[] }>("/upcall/v1/validate", request))
      .tenants;
  }
}
