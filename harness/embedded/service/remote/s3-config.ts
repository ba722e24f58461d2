import { SmallS3Client } from "../../../storage/s3/client";

/** Neon's defaults (libs/remote_storage). */
const CONCURRENCY = 100;
const TIMEOUT_MS = 120_000;

type Table = Readonly<Record<string, unknown>>;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000 };

/** The client that a `remote_storage` table names, with the keys of the environment; throws Error where one is missing. */
export function s3ClientOf(
  table: Table,
  where: string,
  { env, shutdown }: { env: NodeJS.ProcessEnv; shutdown: AbortSignal },
): SmallS3Client {
  const text = (name: string): string | undefined => {
    const value = table[name];
    if (value === undefined || typeof value === "string") return value;
    throw new Error(`${where}: remote_storage.${name} must be a string`);
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === undefined) throw new Error(`${where}: remote_storage.${name} is missing`);
    return value;
  };
  const access = {
    bucket: required("bucket_name"),
    region: required("bucket_region"),
    endpoint: text("endpoint"),
    accessKeyId: key(env, "AWS_ACCESS_KEY_ID"),
    secretAccessKey: key(env, "AWS_SECRET_ACCESS_KEY"),
    sessionToken: env["AWS_SESSION_TOKEN"],
  };
  return new SmallS3Client(access, {
    concurrency: count(table, "concurrency_limit", where) ?? CONCURRENCY,
    maxKeysPerList: count(table, "max_keys_per_list_response", where),
    timeoutMs: timeoutOf(text("timeout"), where),
    hurry: shutdown,
  });
}

function key(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  throw new Error(`remote storage in S3 needs keys: ${name} is not set`);
}

function count(table: Table, name: string, where: string): number | undefined {
  const value = table[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new Error(`${where}: remote_storage.${name} must be a whole number from 1 on`);
}

function timeoutOf(text: string | undefined, where: string): number {
  if (text === undefined) return TIMEOUT_MS;
  const [, number, unit = ""] = /^(\d+)\s*([a-z]+)$/.exec(text) ?? [];
  const factor = UNIT_MS[unit];
  if (factor === undefined) throw new Error(`${where}: remote_storage.timeout is no duration: ${text}`);
  return Number(number) * factor;
}
