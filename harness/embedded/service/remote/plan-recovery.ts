/** A version of an object, or the marker that says that it was deleted. */
interface Version {
  readonly key: string;
  readonly versionId: string;
  /** ms since 1970. */
  readonly lastModified: number;
  readonly isDeleteMarker: boolean;
}

/** What brings one key back to what it was: a copy of an older version, or, where there is none, a deletion. */
export interface RecoveryStep {
  readonly key: string;
  readonly restore: string | undefined;
}

/**
 * How all keys get back to their state of that time. Keys that were changed after `doneIfAfter` are left alone: an
 * earlier, interrupted recovery has done them. Throws when the bucket keeps no versions (Neon's words).
 */
export function planRecovery(versions: readonly Version[], at: Date, doneIfAfter: Date): RecoveryStep[] {
  const unversioned = versions.find(({ versionId }) => versionId === "null");
  if (unversioned !== undefined) {
    throw new Error(
      `Received ListVersions response for key=${unversioned.key} with version_id='null', indicating either disabled versioning, or legacy objects with null version id values`,
    );
  }
  const byKey = new Map<string, Version[]>();
  for (const version of versions) byKey.set(version.key, [...(byKey.get(version.key) ?? []), version]);
  return [...byKey.values()]
    .map((ofKey) => stepFor(ofKey, at.getTime(), doneIfAfter.getTime()))
    .filter((step) => step !== undefined);
}

function stepFor(newestFirst: readonly Version[], at: number, doneIfAfter: number): RecoveryStep | undefined {
  // S3 knows whole seconds; what it lists first is newer.
  const oldestFirst = newestFirst.toReversed().toSorted((a, b) => a.lastModified - b.lastModified);
  const last = oldestFirst.at(-1);
  if (last === undefined || last.lastModified > doneIfAfter || last.lastModified < at) return undefined;
  const wanted = oldestFirst.findLast(({ lastModified }) => lastModified < at);
  if (wanted !== undefined && !wanted.isDeleteMarker) return { key: last.key, restore: wanted.versionId };
  return last.isDeleteMarker ? undefined : { key: last.key, restore: undefined };
}
