import { HarnessError } from "./errors";
import { TenantId } from "./ids";

/** One shard of a tenant; `shardCount` 0 means that the tenant is not sharded. */
export interface TenantShardId {
  readonly tenantId: TenantId;
  readonly shardNumber: number;
  readonly shardCount: number;
}

const SHARD_TEXT = /^([0-9A-Fa-f]{32})(?:-([0-9A-Fa-f]{2})([0-9A-Fa-f]{2}))?$/;

const twoHexDigits = (value: number): string => value.toString(16).padStart(2, "0");

function parse(text: string): TenantShardId {
  const match = SHARD_TEXT.exec(text);
  const shardNumber = Number.parseInt(match?.[2] ?? "0", 16);
  const shardCount = Number.parseInt(match?.[3] ?? "0", 16);
  const numberFits = shardNumber < shardCount || (shardNumber === 0 && shardCount === 0);
  if (match?.[1] === undefined || !numberFits) {
    throw new HarnessError("BAD_VALUE", {
      summary: "this is not a tenant shard id",
      expected: "32 hexadecimal digits, then nothing or -NNCC with shard number NN below shard count CC",
      found: JSON.stringify(text),
    });
  }
  return { tenantId: TenantId.parse(match[1]), shardNumber, shardCount };
}

function format(id: TenantShardId): string {
  if (id.shardCount === 0) return id.tenantId;
  return `${id.tenantId}-${twoHexDigits(id.shardNumber)}${twoHexDigits(id.shardCount)}`;
}

const unsharded = (tenantId: TenantId): TenantShardId => ({ tenantId, shardNumber: 0, shardCount: 0 });

/** Neon's text form: the bare tenant id, or `<tenant id>-NNCC` with two hexadecimal digits each. */
export const TenantShardId = { parse, format, unsharded } as const;
