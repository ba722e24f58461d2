import { HarnessError } from "../types";

/** A folder, our own S3 server (or MinIO), or a bucket of somebody's cloud. */
export const REMOTE_STORAGE_KINDS = ["local_fs", "mock_s3", "real_s3"] as const;
export type RemoteStorageKind = (typeof REMOTE_STORAGE_KINDS)[number];

/** Whose objects they are: each has a folder, a bucket or a prefix of its own. */
export type StorageUser = "pageserver" | "safekeeper";

const RUN_KIND = "NEON_TEST_REMOTE_STORAGE";
const REAL_S3 = "ENABLE_REAL_S3_REMOTE_STORAGE";

/** The kind of a whole run, where a test names none: NEON_TEST_REMOTE_STORAGE, default local_fs. Throws BAD_ENV. */
export function remoteStorageOfRun(env: NodeJS.ProcessEnv = process.env): RemoteStorageKind {
  const value = env[RUN_KIND];
  if (value === undefined || value === "") return "local_fs";
  const known = REMOTE_STORAGE_KINDS.find((kind) => kind === value);
  if (known !== undefined) return known;
  throw new HarnessError("BAD_ENV", {
    summary: `${RUN_KIND} names no kind of remote storage`,
    expected: `one of ${REMOTE_STORAGE_KINDS.join(", ")}`,
    found: value,
    todo: `correct it, or unset ${RUN_KIND}`,
  });
}

const realS3IsEnabled = (env: NodeJS.ProcessEnv): boolean => (env[REAL_S3] ?? "") !== "";

/** The S3 to test against: a real one where ENABLE_REAL_S3_REMOTE_STORAGE is set, or else mock_s3. */
export function s3Storage(env: NodeJS.ProcessEnv = process.env): RemoteStorageKind {
  return realS3IsEnabled(env) ? "real_s3" : "mock_s3";
}

/** For tests that are to run on each kind. */
export function availableRemoteStorages(env: NodeJS.ProcessEnv = process.env): RemoteStorageKind[] {
  return ["local_fs", ...availableS3Storages(env)];
}

export function availableS3Storages(env: NodeJS.ProcessEnv = process.env): RemoteStorageKind[] {
  return realS3IsEnabled(env) ? ["mock_s3", "real_s3"] : ["mock_s3"];
}
