/** What the daemons ask of remote storage; keys are relative to the daemon's prefix and use `/`. */
export interface RemoteStorage {
  /** Uploads a file, or its first `length` bytes. The object appears whole or not at all. */
  uploadFile(key: string, path: string, options?: { length?: number }): Promise<void>;
  uploadBytes(key: string, bytes: Buffer): Promise<void>;
  /** Downloads to `path` as a whole: a crash leaves no half file there. */
  download(key: string, path: string): Promise<void>;
  /** Undefined when there is no such object. */
  read(key: string): Promise<Buffer | undefined>;
  /** Names directly below a prefix: objects, and prefixes that have something below them. */
  list(prefix: string): Promise<{ objects: string[]; prefixes: string[] }>;
  copy(from: string, to: string): Promise<void>;
  /** Nothing happens when there is no such object. */
  remove(key: string): Promise<void>;
  removePrefix(prefix: string): Promise<void>;
  /**
   * Brings everything below a prefix back to what it was at a time, but for what was changed after `doneIfAfter`. Throws
   * Unimplemented where no versions are kept at all.
   */
  recoverTo(prefix: string, at: Date, doneIfAfter: Date): Promise<void>;
}
