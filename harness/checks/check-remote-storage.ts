import type { StorageScrubber } from "../nodes";
import type { RemoteStorage } from "../storage";
import { HarnessError } from "../types";
import { checkBucket } from "./check-bucket";
import { scrubStorage } from "./scrub-storage";
import type { ScrubReport } from "./scrub-storage";

const SHOWN = 20;

/**
 * Scrubs what pageservers that are stopped have left in S3, with our scrubber and with Neon's, where that is given and it is
 * a bucket. Throws CHECK_FAILED for damage. Returns what was seen.
 */
export async function checkRemoteStorage(storage: RemoteStorage, neons?: StorageScrubber): Promise<ScrubReport> {
  const report = await scrubStorage(storage);
  if (report.problems.length > 0) throw damage(storage, report);
  if (neons !== undefined && storage.kind !== "local_fs") await checkBucket(neons);
  return report;
}

function damage(storage: RemoteStorage, { problems }: ScrubReport): HarnessError {
  const more = problems.length > SHOWN ? [`… ${problems.length} in all`] : [];
  return new HarnessError("CHECK_FAILED", {
    summary: `remote storage is damaged: ${storage.describe()}`,
    expected: "every index to name only what is there, as large as it says",
    found: [...problems.slice(0, SHOWN), ...more].join("\n"),
    todo: "find out who deleted or changed it; a test that does so on purpose says scrubOnExit: false",
  });
}
