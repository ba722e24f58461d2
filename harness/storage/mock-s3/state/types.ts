/** Where bytes of an object are; an object that was uploaded in parts has several. */
export interface Segment {
  blob: number;
  size: number;
  /** Where in the blob it starts; 0 when it is left out. */
  offset?: number;
}

/** What the client said about an object, and gets back with it; lower-case header names. */
export type StoredHeaders = Record<string, string>;

export interface StoredChecksum {
  /** `crc32`, …: S3's header is `x-amz-checksum-<name>`. */
  name: string;
  value: string;
  /** COMPOSITE: of the checksums of the parts. */
  type: "FULL_OBJECT" | "COMPOSITE";
}

/** One version of a key, or the marker that says that it was deleted. */
export interface ObjectVersion {
  /** `null` where the bucket's versioning was off. */
  versionId: string;
  /** ms since 1970. */
  lastModified: number;
  isDeleteMarker: boolean;
  /** With the quotes. */
  etag: string;
  size: number;
  segments: readonly Segment[];
  /** Of an object that was uploaded in parts. */
  partSizes?: readonly number[] | undefined;
  headers: StoredHeaders;
  checksum?: StoredChecksum | undefined;
  tags?: Record<string, string> | undefined;
}

export interface UploadedPart {
  number: number;
  etag: string;
  size: number;
  lastModified: number;
  segments: readonly Segment[];
  checksum?: { name: string; value: string } | undefined;
}

export interface Upload {
  id: string;
  key: string;
  initiated: number;
  headers: StoredHeaders;
  tags?: Record<string, string> | undefined;
  checksumName?: string | undefined;
  parts: Map<number, UploadedPart>;
}

export type Versioning = "Enabled" | "Suspended" | undefined;
