import { execa } from "execa";
import type { RemoteStorage } from "../storage";
import { HarnessError } from "../types";

/** The part of `storage_scrubber scan-metadata --json` that says what is wrong. */
interface ScanSummary {
  /** By shard and timeline. */
  with_errors: Record<string, string[]>;
  with_warnings: Record<string, string[]>;
}

const BUDGET_MS = 30_000;

/** Neon's own scrubber on a bucket; throws CHECK_FAILED with what it found, or COMMAND_FAILED. */
export async function runNeonScrubber(binary: string, storage: RemoteStorage): Promise<void> {
  const { bucket_name: bucket, bucket_region: region, prefix_in_bucket: prefix } = storage.toml();
  const { endpoint } = storage;
  const result = await execa(binary, ["scan-metadata", "--node-kind", "pageserver", "--json", "--verbose"], {
    env: {
      ...storage.environment(),
      ...{ BUCKET: String(bucket), REGION: String(region), BUCKET_PREFIX: String(prefix ?? "") },
      ...(endpoint === undefined ? {} : { AWS_ENDPOINT_URL: endpoint }),
      ...{ RUST_LOG: "info", PAGESERVER_DISABLE_FILE_LOGGING: "1" },
    },
    reject: false,
    timeout: BUDGET_MS,
  });
  const summary = parse(result.stdout);
  if (result.failed || summary === undefined) {
    throw new HarnessError("COMMAND_FAILED", {
      summary: "storage_scrubber could not scan remote storage",
      expected: `exit code 0 within ${BUDGET_MS} ms, and a summary in JSON`,
      found: `exit code ${result.exitCode}`,
      logTail: result.stderr.split("\n").slice(-20).join("\n"),
    });
  }
  const found = [...Object.entries(summary.with_errors), ...Object.entries(summary.with_warnings)];
  if (found.length === 0) return;
  throw new HarnessError("CHECK_FAILED", {
    summary: `storage_scrubber found damage in ${storage.describe()}`,
    expected: "every index to name only what is there",
    found: found.map(([timeline, messages]) => `${timeline}: ${messages.join("; ")}`).join("\n"),
  });
}

/** The last line of its output is the summary. */
function parse(stdout: string): ScanSummary | undefined {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(line) as ScanSummary;
  } catch {
    return undefined;
  }
}
