import { Lsn, PgVersion, TimelineId } from "../../../types";

export interface LayerMetadata {
  readonly fileSize: number;
  readonly generation: number;
  /** `NNCC` of the shard that wrote the layer; undefined: an unsharded tenant. */
  readonly shard?: string | undefined;
  /** CRC-32C of the file, which this engine adds. */
  readonly checksum?: number | undefined;
}

/** As it stands in index_part.json and in heatmaps. */
export interface LayerMetadataJson {
  file_size: number;
  generation?: number;
  shard?: string;
  checksum?: number;
}

export function layerMetadataToJson({ fileSize, generation, shard, checksum }: LayerMetadata): LayerMetadataJson {
  const more = { ...(shard === undefined ? {} : { shard }), ...(checksum === undefined ? {} : { checksum }) };
  return { file_size: fileSize, generation, ...more };
}

export function layerMetadataFromJson(json: LayerMetadataJson): LayerMetadata {
  const { file_size: fileSize, generation = 0, shard, checksum } = json;
  return { fileSize, generation, shard, checksum };
}

/** What index_part.json says about a timeline: which layers exist, and up to where they go. */
export interface IndexPart {
  readonly layers: ReadonlyMap<string, LayerMetadata>;
  readonly diskConsistentLsn: Lsn;
  readonly prevRecordLsn: Lsn | undefined;
  readonly ancestor: { readonly timelineId: TimelineId; readonly lsn: Lsn } | undefined;
  readonly latestGcCutoffLsn: Lsn;
  readonly initdbLsn: Lsn;
  readonly pgVersion: PgVersion;
  readonly deletedAt: string | undefined;
  readonly archivedAt?: string | undefined;
  /** Where the timeline came from, as it stands in the file. */
  readonly lineage: Lineage;
  /** Why no garbage is collected. */
  readonly gcBlocking?: GcBlocking | undefined;
}

export interface Lineage {
  readonly reparenting_history?: readonly string[];
  /** The ancestor from which it was detached, where it had branched off, and when that was. */
  readonly original_ancestor?: readonly [timelineId: string, lsn: string, at: string];
}

export interface GcBlocking {
  readonly started_at: string;
  readonly reasons: readonly string[];
}

const VERSION = 10;

/** The text of an index_part.json of version 10 (neon-protocols §6). */
export function formatIndexPart(part: IndexPart): string {
  const layers = [...part.layers].map(([name, layer]): [string, unknown] => [name, layerMetadataToJson(layer)]);
  return JSON.stringify({
    version: VERSION,
    layer_metadata: Object.fromEntries(layers),
    disk_consistent_lsn: Lsn.format(part.diskConsistentLsn),
    metadata_bytes: {
      disk_consistent_lsn: Lsn.format(part.diskConsistentLsn),
      prev_record_lsn: part.prevRecordLsn === undefined ? null : Lsn.format(part.prevRecordLsn),
      ancestor_timeline: part.ancestor?.timelineId ?? null,
      ancestor_lsn: Lsn.format(part.ancestor?.lsn ?? 0n),
      latest_gc_cutoff_lsn: Lsn.format(part.latestGcCutoffLsn),
      initdb_lsn: Lsn.format(part.initdbLsn),
      pg_version: part.pgVersion,
    },
    ...(part.gcBlocking === undefined ? {} : { gc_blocking: part.gcBlocking }),
    lineage: part.lineage,
    ...(part.deletedAt === undefined ? {} : { deleted_at: part.deletedAt }),
    ...(part.archivedAt === undefined ? {} : { archived_at: part.archivedAt }),
  });
}

interface IndexPartJson {
  version: number;
  layer_metadata: Record<string, LayerMetadataJson>;
  disk_consistent_lsn: string;
  metadata_bytes: {
    prev_record_lsn: string | null;
    ancestor_timeline: string | null;
    ancestor_lsn: string;
    latest_gc_cutoff_lsn: string;
    initdb_lsn: string;
    pg_version: number;
  };
  deleted_at?: string;
  archived_at?: string;
  lineage?: Lineage;
  gc_blocking?: GcBlocking;
}

/** Reads index_part.json; throws when it is broken or of another version. */
export function parseIndexPart(text: string): IndexPart {
  const json = JSON.parse(text) as IndexPartJson;
  if (json.version !== VERSION) throw new Error(`index_part.json has version ${json.version}, expected ${VERSION}`);
  const metadata = json.metadata_bytes;
  const layers = Object.entries(json.layer_metadata).map(([name, layer]): [string, LayerMetadata] => [
    name,
    layerMetadataFromJson(layer),
  ]);
  return {
    layers: new Map(layers),
    diskConsistentLsn: Lsn.parse(json.disk_consistent_lsn),
    prevRecordLsn: metadata.prev_record_lsn === null ? undefined : Lsn.parse(metadata.prev_record_lsn),
    ancestor:
      metadata.ancestor_timeline === null
        ? undefined
        : { timelineId: TimelineId.parse(metadata.ancestor_timeline), lsn: Lsn.parse(metadata.ancestor_lsn) },
    latestGcCutoffLsn: Lsn.parse(metadata.latest_gc_cutoff_lsn),
    initdbLsn: Lsn.parse(metadata.initdb_lsn),
    pgVersion: PgVersion.parse(String(metadata.pg_version)),
    deletedAt: json.deleted_at,
    archivedAt: json.archived_at,
    lineage: json.lineage ?? {},
    gcBlocking: json.gc_blocking,
  };
}
