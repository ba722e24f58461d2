import type { RemoteStorage } from "./remote-storage";

/**
 * Fails the first tries of every operation on every key, then lets one through and starts anew: `test_remote_failures`
 * in pageserver.toml.
 */
export function unreliable(inner: RemoteStorage, attemptsToFail: number): RemoteStorage {
  const tries = new Map<string, number>();
  const attempt = (operation: string): void => {
    const before = tries.get(operation) ?? 0;
    if (before + 1 >= attemptsToFail && before > 0) {
      tries.delete(operation);
      return;
    }
    tries.set(operation, before + 1);
    throw new Error(`simulated failure of remote operation ${operation}`);
  };
  const failing =
    <A extends [string, ...unknown[]], T>(name: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      attempt(`${name}(${args[0]})`);
      return call(...args);
    };
  return {
    uploadFile: failing("Upload", (key: string, path: string, options?: { length?: number }) =>
      inner.uploadFile(key, path, options),
    ),
    uploadBytes: failing("Upload", (key: string, bytes: Buffer) => inner.uploadBytes(key, bytes)),
    download: failing("Download", (key: string, path: string) => inner.download(key, path)),
    read: failing("Download", (key: string) => inner.read(key)),
    list: failing("ListPrefixes", (prefix: string) => inner.list(prefix)),
    // Neon's wrapper lets copies through, too.
    copy: (from, to) => inner.copy(from, to),
    remove: failing("Delete", (key: string) => inner.remove(key)),
    removePrefix: failing("DeleteObjects", (prefix: string) => inner.removePrefix(prefix)),
    recoverTo: failing("TimeTravelRecover", (prefix: string, at: Date, doneIfAfter: Date) =>
      inner.recoverTo(prefix, at, doneIfAfter),
    ),
  };
}
