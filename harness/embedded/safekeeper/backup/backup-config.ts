/** When a safekeeper uploads and removes WAL; times in ms, sizes in bytes. */
export interface BackupConfig {
  /** Whether whole segments are uploaded. */
  readonly walBackup: boolean;
  readonly maxOffloaderLag: number;
  readonly partialBackupTimeoutMs: number;
  /** Whether timelines that nobody uses leave this disk. */
  readonly offload: boolean;
  readonly deleteOffloadedWal: boolean;
  readonly evictionMinResidentMs: number;
}
