import { HarnessError } from "../types";
import { parseByteSize } from "./byte-size";

const SMALLEST = 1024 * 1024;
const SIZE_SETTING = /^\s*neon\.(?:max_file_cache_size|file_cache_size_limit)\s*=\s*'?([^'\s]+)/;

/** USE_LFC: whether computes have a local file cache; they do unless it is `false`. */
export const usesLocalFileCache = (): boolean => process.env["USE_LFC"] !== "false";

/** A cache of 1 MB at `path`, which is small enough that tests meet its limits. */
export function localFileCacheLines(path: string): string[] {
  return [
    `neon.file_cache_path='${path.replaceAll("'", "''")}'`,
    "neon.max_file_cache_size=1MB",
    "neon.file_cache_size_limit=1MB",
  ];
}

/** Throws MISUSE for a test's own size where there is no cache, or where Postgres would refuse it. */
export function checkLocalFileCacheLines(lines: readonly string[]): void {
  for (const line of lines) {
    const size = SIZE_SETTING.exec(line)?.[1];
    if (size === undefined) continue;
    if (usesLocalFileCache() && parseByteSize(size) >= SMALLEST) continue;
    throw new HarnessError("MISUSE", {
      summary: "this size of the local file cache can't be set",
      expected: usesLocalFileCache() ? "1MB or more" : "no size, for USE_LFC=false leaves computes without the cache",
      found: line.trim(),
      todo: usesLocalFileCache() ? "set a larger size" : "unset USE_LFC, or leave the line out",
    });
  }
}
