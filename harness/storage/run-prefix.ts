import { paginateListObjectsV2 } from "@aws-sdk/client-s3";
import type { S3Client } from "@aws-sdk/client-s3";
import { S3Storage } from "./s3-storage";
import type { RealS3 } from "./real-s3";

const NAME = "neon-test-";
const DAY_MS = 24 * 3600 * 1000;

/** `<when it began, base 36>-<pid>-<random>`, as `startReaper` names runs: the name says how old it is. */
const RUN = /^([0-9a-z]{8,9})-\d+-[0-9a-f]{8}$/;

/** Under which everything of this run stands in a bucket that others use, too; the same in all of its workers. */
export function runPrefix(env: NodeJS.ProcessEnv = process.env): string {
  // A run within a run is `outer/inner`, and a worker's marker ends with its pid.
  const name = env["NEON_TEST_RUN_ID"]?.split("/").findLast((part) => RUN.test(part));
  return `${NAME}${name ?? fallbackRunName()}`;
}

/** Whether only a run of this harness can have such a prefix. */
export const isRunPrefix = (prefix: string): boolean => prefix.startsWith(NAME) && RUN.test(prefix.slice(NAME.length));

let fallback: string | undefined;

/** Outside of a run: this process is one. */
function fallbackRunName(): string {
  fallback ??= `${Date.now().toString(36)}-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  return fallback;
}

/** Whether the prefix is that of a run that began more than a day ago. */
export function isStaleRun(prefix: string, now: number): boolean {
  const began = Number.parseInt(isRunPrefix(prefix) ? (prefix.slice(NAME.length).split("-")[0] ?? "") : "", 36);
  return !Number.isNaN(began) && began > 0 && now - began > DAY_MS;
}

/**
 * Removes what runs have left that were killed: prefixes that only a run of this harness has, from more than a day ago,
 * into which nothing was written for a day. Returns them.
 */
export async function sweepStaleRunPrefixes(
  { client, place, credentials }: RealS3,
  now = Date.now(),
): Promise<string[]> {
  const swept: string[] = [];
  const keys = await credentials();
  for (const prefix of await topPrefixes(client, place.bucket)) {
    if (!isStaleRun(prefix, now)) continue;
    const leftover = new S3Storage({ ...place, prefix }, client, keys);
    const objects = await leftover.list("");
    if (objects.some(({ lastModified }) => now - lastModified.getTime() < DAY_MS)) continue;
    await leftover.removeEverything();
    swept.push(prefix);
  }
  return swept;
}

async function topPrefixes(client: S3Client, bucket: string): Promise<string[]> {
  const found: string[] = [];
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: NAME, Delimiter: "/" })) {
    for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) found.push(Prefix.replace(/\/$/, ""));
  }
  return found;
}
