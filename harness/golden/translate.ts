import { HarnessError } from "../types";
import type { Stage } from "./stage";

/** Turns what was recorded into what means the same here: ports, LSNs, and the time of the call. */
export interface Translation {
  port(recorded: number): number;
  /** The ports of all nodes of that kind, the one itself first. */
  portsLike(recorded: number): number[];
  text(recorded: string): string;
  /** The last LSN of the timeline when the replay began. */
  lastRecordLsn: string;
}

/** Where the recorded timeline's LSNs stood: after initdb, at its end, and when the transcripts were made. */
const RECORDED_LSNS = {
  initdb: ["0/14EC330"],
  diskConsistent: ["0/14EC3A8"],
  lastRecord: ["0/14EC430", "0/18E60B8"],
} as const;

const RECORDED_PORT = /\b56(?:000|0[2-8][1-3])\b/g;

export async function translationTo(stage: Stage): Promise<Translation> {
  const ports = portsOf(stage);
  const client = stage.pageserver.httpClient();
  const detail = await client.timelineDetail(stage.tenantId, stage.timelineId);
  const lsns = new Map<string, string>([
    ...RECORDED_LSNS.initdb.map((lsn) => [lsn, detail.initdb_lsn] as const),
    ...RECORDED_LSNS.diskConsistent.map((lsn) => [lsn, detail.disk_consistent_lsn] as const),
    ...RECORDED_LSNS.lastRecord.map((lsn) => [lsn, detail.last_record_lsn] as const),
  ]);
  const port = (recorded: number): number => {
    const found = ports.get(recorded);
    if (found !== undefined) return found;
    throw new HarnessError("BAD_ARGUMENT", {
      summary: "a recorded port that stands for no node",
      found: `${recorded}`,
    });
  };
  return {
    port,
    lastRecordLsn: detail.last_record_lsn,
    portsLike: (recorded) => {
      const kind = Math.floor(recorded / 10);
      const others = [...ports.keys()].filter((key) => Math.floor(key / 10) === kind && key !== recorded);
      return [recorded, ...others].map(port);
    },
    text: (recorded) =>
      recorded
        .replace(RECORDED_PORT, (found) => String(port(Number(found))))
        .replace(/\b0\/[0-9A-F]+\b/g, (found) => lsns.get(found) ?? found)
        .replace(/\b2026-11-22T[\d:.]+Z/g, () => new Date().toISOString()),
  };
}

function portsOf(stage: Stage): Map<number, number> {
  const { env, endpoint } = stage;
  const ports = new Map<number, number>([
    [56_000, env.storageController.port],
    [56_081, endpoint.settings.httpPort],
  ]);
  env.pageservers.forEach((node, index) => {
    ports.set(56_051 + index, node.settings.pgPort);
    ports.set(56_061 + index, node.settings.httpPort);
  });
  env.safekeepers.forEach((node, index) => {
    ports.set(56_021 + index, node.settings.pgPort);
    ports.set(56_031 + index, node.settings.pgTenantOnlyPort);
    ports.set(56_041 + index, node.settings.httpPort);
  });
  return ports;
}
