import type { StorageScrubber } from "../nodes";
import { HarnessError } from "../types";

const SHOWN = 20;

/** Throws CHECK_FAILED with what storage_scrubber complains of in the pageservers' bucket. */
export async function checkBucket(scrubber: StorageScrubber): Promise<void> {
  const complaints = scrubber.complaints(await scrubber.scanMetadata());
  if (complaints.length === 0) return;
  throw new HarnessError("CHECK_FAILED", {
    summary: `storage_scrubber finds ${complaints.length} thing(s) wrong in the pageservers' remote storage`,
    expected: "none besides those that the test allows",
    found: complaints.slice(0, SHOWN).join("\n"),
    todo: "find the reason; if the test causes it, add a pattern to env.storageScrubber.allowedErrors, or say scrubOnExit: false",
  });
}
