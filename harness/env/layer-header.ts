import type { TenantId, TimelineId } from "../types";

/** Magic and version of delta and image layers; then come the ids of their tenant and timeline, 16 bytes each. */
const MAGICS: readonly number[] = [0x5a61, 0x5a60];
const FORMAT_VERSION = 3;
const TENANT_AT = 4;
const TIMELINE_AT = 20;
const END = 36;

interface Owner {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/** Whether this is a layer file as Neon writes it at this revision, of this tenant and timeline. */
export function belongsTo(layer: Buffer, { tenantId, timelineId }: Owner): boolean {
  if (layer.length < END || !MAGICS.includes(layer.readUInt16BE(0)) || layer.readUInt16BE(2) !== FORMAT_VERSION) {
    return false;
  }
  const [tenant, timeline] = [layer.toString("hex", TENANT_AT, TIMELINE_AT), layer.toString("hex", TIMELINE_AT, END)];
  return tenant === tenantId && timeline === timelineId;
}

/** The same layer, of another tenant and timeline: nothing but its header names them, and no checksum covers it. */
export function rewriteOwner(layer: Buffer, { tenantId, timelineId }: Owner): Buffer {
  layer.write(tenantId, TENANT_AT, "hex");
  layer.write(timelineId, TIMELINE_AT, "hex");
  return layer;
}
