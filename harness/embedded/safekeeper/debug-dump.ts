import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "../service";
import { controlFileBody } from "./control-file";
import { memoryDump } from "./status";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";

export interface DebugDumpOptions {
  timelines: TimelineMap;
  heartbeatTimeoutMs: number;
  configDump: Record<string, unknown>;
}

function countZeros(bytes: Buffer, from: "start" | "end"): number {
  for (let index = 0; index < bytes.length; index += 1) {
    if (bytes[from === "start" ? index : bytes.length - 1 - index] !== 0) return index;
  }
  return bytes.length;
}

async function fileInfo(directory: string, name: string) {
  const path = join(directory, name);
  const [facts, bytes] = await Promise.all([stat(path), readFile(path)]);
  const { size, birthtime, mtime } = facts;
  const zeroes = { start_zeroes: countZeros(bytes, "start"), end_zeroes: countZeros(bytes, "end") };
  return { name, size, created: birthtime.toISOString(), modified: mtime.toISOString(), ...zeroes };
}

/** Neon, too, leaves out a file that is gone since its directory was read. */
async function diskContent(directory: string) {
  const names = (await readdir(directory)).toSorted();
  const files = await Promise.all(names.map((name) => unlessMissing(fileInfo(directory, name))));
  return { files: files.filter((file) => file !== undefined) };
}

/** When a WAL segment of the timeline was last written to; null before the first. */
async function walLastModified(directory: string): Promise<string | null> {
  const segments = (await readdir(directory)).filter((name) => /^[0-9A-F]{24}(\.partial)?$/.test(name));
  const facts = await Promise.all(segments.map((name) => unlessMissing(stat(join(directory, name)))));
  const times = facts.flatMap((each) => (each === undefined ? [] : [each.mtime.getTime()]));
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString();
}

async function timelineDump(timeline: Timeline, wants: (part: string) => boolean, heartbeatTimeoutMs: number) {
  const { state } = timeline;
  return {
    tenant_id: state.tenantId,
    timeline_id: state.timelineId,
    control_file: wants("dump_control_file") ? controlFileBody(state, timeline.progress) : null,
    memory: wants("dump_memory") ? memoryDump(timeline, heartbeatTimeoutMs) : null,
    disk_content: wants("dump_disk_content") ? await diskContent(timeline.directory) : null,
    wal_last_modified: wants("dump_wal_last_modified") ? await walLastModified(timeline.directory) : null,
  };
}

/** Body of GET debug_dump (golden/run/92_debug_dump.json), for the timelines and parts that the query names. */
export async function debugDump(query: URLSearchParams, options: DebugDumpOptions) {
  const start = new Date();
  const all = query.get("dump_all") === "true";
  const tenant = query.get("tenant_id");
  const timeline = query.get("timeline_id");
  const wants = (part: string): boolean => (query.get(part) ?? String(all)) === "true";
  const chosen = options.timelines.all.filter(
    ({ id }) => (tenant ?? id.tenantId) === id.tenantId && (timeline ?? id.timelineId) === id.timelineId,
  );
  const timelines = await Promise.all(chosen.map((one) => timelineDump(one, wants, options.heartbeatTimeoutMs)));
  return {
    start_time: start.toISOString(),
    finish_time: new Date().toISOString(),
    timelines,
    timelines_count: options.timelines.all.length,
    config: options.configDump,
  };
}
