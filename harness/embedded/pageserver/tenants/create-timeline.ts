import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, PgVersion, TimelineId } from "../../../types";
import { bootstrapImage } from "../../pg/image";
import {
  ApiError,
  conflict,
  errorText,
  failAt,
  failpoint,
  internal,
  tooManyRequests,
  unavailable,
} from "../../service";
import { orBadRequest } from "../http/parameters";
import { fileChecksum } from "../layers/file-checksum";
import type { Layer } from "../layers/layer";
import { imageName } from "../layers/layer-name";
import type { IndexPart } from "../remote/index-part";
import { firstReadableLsn } from "../timeline/history";
import { floorToRecord, type RecordBoundary } from "../timeline/record-boundary";
import type { Timeline } from "../timeline/timeline";
import { existingInitdb } from "./existing-initdb";
import { distributionOf } from "./node";
import type { Tenant } from "./tenant";

/** The body of POST timeline; with an ancestor it asks for a branch, else for a bootstrap. */
export interface CreateTimelineRequest {
  readonly new_timeline_id: string;
  readonly ancestor_timeline_id?: string | null;
  readonly ancestor_start_lsn?: string | null;
  readonly existing_initdb_timeline_id?: string | null;
  readonly pg_version?: number | null;
}

/** Creates a timeline, or finds it made by an equal request; returns when remote storage has its index. */
export async function createTimeline(tenant: Tenant, request: CreateTimelineRequest): Promise<Timeline> {
  const timelineId = idFrom(request.new_timeline_id);
  if (tenant.creating.has(timelineId)) throw tooManyRequests("creation of timeline with the given ID is in progress");
  tenant.creating.add(timelineId);
  try {
    return await create(tenant, timelineId, request);
  } catch (error) {
    // Whoever tries again must not find half of it.
    if (!tenant.timelines.has(timelineId)) await removeHalf(tenant, timelineId);
    throw error;
  } finally {
    tenant.creating.delete(timelineId);
  }
}

async function removeHalf(tenant: Tenant, timelineId: TimelineId): Promise<void> {
  await rm(join(tenant.dir, "timelines", timelineId), { recursive: true, force: true });
}

function create(tenant: Tenant, timelineId: TimelineId, request: CreateTimelineRequest): Promise<Timeline> {
  if (tenant.offloaded.has(timelineId)) throw conflict("timeline already exists with different parameters");
  if (typeof request.ancestor_timeline_id === "string") {
    return createBranch(tenant, timelineId, idFrom(request.ancestor_timeline_id), request);
  }
  const source = request.existing_initdb_timeline_id;
  const initdb = typeof source === "string" ? idFrom(source) : undefined;
  return bootstrap(tenant, timelineId, { version: versionFrom(request), initdb });
}

const UNREADABLE = "Failed to parse json request:";

/** The parsers of harness/types speak to users of the harness; over HTTP a bad value is a bad request. */
const idFrom = (text: string): TimelineId =>
  orBadRequest(() => TimelineId.parse(text), `${UNREADABLE} invalid timeline id`);

const lsnFrom = (text: string): Lsn => orBadRequest(() => Lsn.parse(text), `${UNREADABLE} Invalid LSN: ${text}`);

function versionFrom({ pg_version: version }: CreateTimelineRequest): PgVersion {
  return orBadRequest(
    () => PgVersion.parse(String(version ?? PgVersion.DEFAULT)),
    `${UNREADABLE} unknown pg_version ${version}`,
  );
}

function sameOrConflict(existing: Timeline, same: boolean): Timeline {
  if (!same) throw conflict("timeline already exists with different parameters");
  return existing;
}

async function bootstrap(
  tenant: Tenant,
  timelineId: TimelineId,
  { version, initdb }: { version: PgVersion; initdb: TimelineId | undefined },
): Promise<Timeline> {
  const existing = tenant.timelines.get(timelineId);
  if (existing !== undefined) {
    return sameOrConflict(existing, existing.ancestor === undefined && existing.pgVersion === version);
  }
  const dir = join(tenant.dir, "timelines", timelineId);
  const outFile = join(dir, "bootstrap.___temp");
  await mkdir(dir, { recursive: true });
  await failpoint("timeline-creation-after-uninit");
  await failAt("after-timeline-dir-creation");
  const { config, remote } = tenant.node;
  const manifest =
    initdb === undefined
      ? await bootstrapImage({ distribution: distributionOf(config, version), cacheDir: config.cacheDir, outFile })
      : await existingInitdb({ remote, tenantId: tenant.id.tenantId, timelineId: initdb, outFile });
  const lsn = Lsn.parse(manifest.lsn);
  const initdbLsn = Lsn.parse(manifest.redo);
  const index: IndexPart = {
    layers: new Map(),
    diskConsistentLsn: lsn,
    prevRecordLsn: initdbLsn,
    ancestor: undefined,
    latestGcCutoffLsn: initdbLsn,
    initdbLsn,
    pgVersion: version,
    deletedAt: undefined,
    lineage: {},
  };
  return publish(tenant, tenant.newTimeline(timelineId, index, undefined), { lsn, file: outFile });
}

/** Uploads a new timeline, and only then shows it. */
async function publish(tenant: Tenant, timeline: Timeline, image?: { lsn: Lsn; file: string }): Promise<Timeline> {
  const layers: Layer[] = [];
  if (image !== undefined) {
    const { size } = await stat(image.file);
    const facts = { name: imageName(image.lsn), fileSize: size, checksum: await fileChecksum(image.file) };
    const layer = timeline.addLayer(
      { ...facts, generation: tenant.generation, shard: timeline.shardSlug },
      { resident: true, checked: true },
    );
    await rename(image.file, layer.path);
    layers.push(layer);
    timeline.logicalSize.estimate(size);
  }
  try {
    await upload(tenant, timeline, layers);
  } catch (error) {
    await timeline.shutdown({ flush: false });
    throw error;
  }
  tenant.activate(timeline);
  timeline.log.info(`created at ${Lsn.format(timeline.lastRecordLsn)}`);
  return timeline;
}

async function upload(tenant: Tenant, timeline: Timeline, layers: readonly Layer[]): Promise<void> {
  await failpoint("before-initdb-upload", timeline.cancelled);
  await failAt("before-checkpoint-new-timeline");
  timeline.scheduleUpload(layers);
  await timeline.remoteClient.waitCompletion();
  if (tenant.state !== "Active") throw unavailable("Shutting down");
}

const notAcceptable = (message: string): ApiError => new ApiError(406, message);

async function createBranch(
  tenant: Tenant,
  timelineId: TimelineId,
  ancestorId: TimelineId,
  request: CreateTimelineRequest,
): Promise<Timeline> {
  const ancestor = tenant.timelines.get(ancestorId);
  if (ancestor === undefined) {
    throw internal(
      `Cannot branch off the timeline that's not present in pageserver: Timeline ${tenant.key}/${ancestorId} was not found`,
    );
  }
  if (ancestor.archivedAt !== undefined) throw notAcceptable("ancestor timeline is archived");
  const wanted = typeof request.ancestor_start_lsn === "string" ? lsnFrom(request.ancestor_start_lsn) : undefined;
  const held = { lsn: 0n };
  try {
    const start = await branchPoint(ancestor, wanted, (lsn) => ancestor.branchPoints.add(Object.assign(held, { lsn })));
    return await branchAt(tenant, timelineId, ancestor, start, wanted);
  } finally {
    ancestor.branchPoints.delete(held);
  }
}

async function branchAt(
  tenant: Tenant,
  timelineId: TimelineId,
  ancestor: Timeline,
  start: RecordBoundary,
  wanted: Lsn | undefined,
): Promise<Timeline> {
  const existing = tenant.timelines.get(timelineId);
  if (existing !== undefined) {
    const sameLsn = wanted === undefined || existing.ancestor?.lsn === start.lsn;
    return sameOrConflict(existing, existing.ancestor?.timeline === ancestor && sameLsn);
  }
  const index: IndexPart = {
    layers: new Map(),
    diskConsistentLsn: start.lsn,
    prevRecordLsn: start.prevRecordLsn,
    ancestor: { timelineId: ancestor.timelineId, lsn: start.lsn },
    latestGcCutoffLsn: ancestor.latestGcCutoffLsn,
    initdbLsn: ancestor.initdbLsn,
    pgVersion: ancestor.pgVersion,
    deletedAt: undefined,
    lineage: {},
  };
  return publish(tenant, tenant.newTimeline(timelineId, index, ancestor));
}

/**
 * Where a branch begins: at the head, or at the record end at or below the LSN asked for. 406 as Neon words it. What `hold`
 * is called with, garbage collection must not take away from then on.
 */
async function branchPoint(
  ancestor: Timeline,
  wanted: Lsn | undefined,
  hold: (lsn: Lsn) => void,
): Promise<RecordBoundary> {
  if (wanted === undefined) {
    hold(ancestor.lastRecordLsn);
    return { lsn: ancestor.lastRecordLsn, prevRecordLsn: ancestor.prevRecordLsn };
  }
  const aligned = (wanted + 7n) & ~7n;
  const below = ancestor.ancestor?.lsn;
  if (below !== undefined && below > aligned) {
    throw notAcceptable(
      `invalid start lsn ${Lsn.format(aligned)} for ancestor timeline ${ancestor.timelineId}: ` +
        `less than timeline ancestor lsn ${Lsn.format(below)}`,
    );
  }
  const cutoff = ancestor.latestGcCutoffLsn;
  if (aligned < cutoff) {
    throw notAcceptable(
      `invalid branch start lsn: less than latest GC cutoff ${Lsn.format(cutoff)}: ` +
        `LSN ${Lsn.format(aligned)} is earlier than latest GC cutoff ${Lsn.format(cutoff)} ` +
        "(we might've already garbage collected needed data)",
    );
  }
  const planned = ancestor.plannedGcCutoffLsn;
  if (aligned < planned) {
    throw notAcceptable(`invalid branch start lsn: less than planned GC cutoff ${Lsn.format(planned)}`);
  }
  hold(aligned);
  await ancestorHas(ancestor, aligned);
  const first = firstReadableLsn(ancestor);
  return floorToRecord(ancestor, aligned < first ? first : aligned);
}

async function ancestorHas(ancestor: Timeline, lsn: Lsn): Promise<void> {
  try {
    await ancestor.waitLsn(lsn);
  } catch (error) {
    if (ancestor.cancelled.aborted) throw unavailable("Shutting down");
    throw notAcceptable(errorText(error));
  }
}
