import { HarnessError } from "./errors";
import { idBytes } from "./seeded";

/** 32 lower-case hexadecimal digits. */
export type TenantId = string & { readonly __tenantId: never };
/** 32 lower-case hexadecimal digits. */
export type TimelineId = string & { readonly __timelineId: never };

const HEX_ID = /^[0-9a-f]{32}$/;

function parseHexId(kind: string, text: string): string {
  const lower = text.toLowerCase();
  if (!HEX_ID.test(lower)) {
    throw new HarnessError("BAD_VALUE", {
      summary: `this is not a ${kind} id`,
      expected: "32 hexadecimal digits",
      found: JSON.stringify(text),
    });
  }
  return lower;
}

const generateHexId = (): string => idBytes(16).toString("hex");

export const TenantId = {
  generate: (): TenantId => generateHexId() as TenantId,
  parse: (text: string): TenantId => parseHexId("tenant", text) as TenantId,
} as const;

export const TimelineId = {
  generate: (): TimelineId => generateHexId() as TimelineId,
  parse: (text: string): TimelineId => parseHexId("timeline", text) as TimelineId,
} as const;
