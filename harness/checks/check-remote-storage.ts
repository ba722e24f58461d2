import type { Engine } from "../engine";
import type { RemoteStorage } from "../storage";
import { HarnessError } from "../types";
import { runNeonScrubber } from "./neon-scrubber";
import { scrubStorage } from "./scrub-storage";
import type { ScrubReport } from "./scrub-storage";

const SHOWN = 20;

/**
 * Scrubs what pageservers that are stopped have left in S3, with our scrubber and, where the engine has one, with Neon's.
 * Throws CHECK_FAILED for damage. Returns what was seen.
 */
export async function checkRemoteStorage(engine: Engine | undefined, storage: RemoteStorage): Promise<ScrubReport> {
  const report = await scrubStorage(storage);
  if (report.problems.length > 0) throw damage(storage, report);
  const hasScrubber = engine?.facts.features.has("storage_scrubber") === true;
  if (hasScrubber && storage.kind !== "local_fs") await runNeonScrubber(engine.binary("storage_scrubber"), storage);
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
