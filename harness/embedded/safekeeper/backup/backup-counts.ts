/** What the safekeeper's backups and evictions came to, for its metrics. */
export interface BackupCounts {
  backedUpSegments: number;
  removedSegments: number;
  partialUploads: number;
  partialBytes: number;
  evictionsStarted: number;
  evictionsCompleted: number;
  restoresStarted: number;
  restoresCompleted: number;
}

export const newBackupCounts = (): BackupCounts => ({
  backedUpSegments: 0,
  removedSegments: 0,
  partialUploads: 0,
  partialBytes: 0,
  evictionsStarted: 0,
  evictionsCompleted: 0,
  restoresStarted: 0,
  restoresCompleted: 0,
});
