import { errorText } from "../errors";
import type { Logger } from "../log";
import { pause } from "../pause";
import { isUnrecoverable } from "./unrecoverable";
import type { RemoteStorage } from "./remote-storage";

/** Neon's own numbers (utils::backoff). */
const WARN_THRESHOLD = 3;
const MAX_RETRIES = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;

/** Tries each operation again, with growing pauses and Neon's log lines, before its caller hears of a failure. */
export function retrying(
  inner: RemoteStorage,
  { log, shutdown }: { log: Logger; shutdown: AbortSignal },
): RemoteStorage {
  const retry = async <T>(description: string, work: () => Promise<T>): Promise<T> => {
    for (let attempts = 0; ; attempts += 1) {
      try {
        return await work();
      } catch (error) {
        if (isUnrecoverable(error) || shutdown.aborted) throw error;
        const text = `(attempt ${attempts}): ${errorText(error)}`;
        if (attempts >= MAX_RETRIES) {
          log.warn(`${description} still failed after ${attempts} retries, giving up: ${errorText(error)}`);
          throw error;
        }
        if (attempts < WARN_THRESHOLD) log.info(`${description} failed, will retry ${text}`);
        else log.warn(`${description} failed, will retry ${text}`);
        await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempts, LONGEST_PAUSE_MS), shutdown);
      }
    }
  };
  return {
    uploadFile: (key, path, options) => retry(`upload of ${key}`, () => inner.uploadFile(key, path, options)),
    uploadBytes: (key, bytes) => retry(`upload of ${key}`, () => inner.uploadBytes(key, bytes)),
    download: (key, path) => retry(`download of ${key}`, () => inner.download(key, path)),
    read: (key) => retry(`download of ${key}`, () => inner.read(key)),
    list: (prefix) => retry(`list of ${prefix}`, () => inner.list(prefix)),
    copy: (from, to) => retry(`copy of ${from}`, () => inner.copy(from, to)),
    remove: (key) => retry(`delete of ${key}`, () => inner.remove(key)),
    removePrefix: (prefix) => retry(`delete of prefix ${prefix}`, () => inner.removePrefix(prefix)),
    recoverTo: (prefix, at, doneIfAfter) =>
      retry("time travel recovery of tenant prefix", () => inner.recoverTo(prefix, at, doneIfAfter)),
  };
}
