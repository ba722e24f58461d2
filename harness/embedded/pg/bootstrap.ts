import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chown, copyFile, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { PgVersion } from "../../types";
import { DEFAULT_WAL_SEGMENT_SIZE } from "../wal/constants";
import type { PgDistribution, RunAs } from "./distribution";
import { imageOfDirectory, readImageManifest } from "./image";
import type { ImageManifest } from "./image";

const run = promisify(execFile);

export interface BootstrapOptions {
  distribution: PgDistribution;
  /** Where the results of initdb are kept, one per version and arguments. */
  cacheDir: string;
  outFile: string;
  identity?: RunAs | undefined;
}

/** A new database as an image file. initdb runs only the first time; later the kept image is copied. */
export async function bootstrapImage(options: BootstrapOptions): Promise<ImageManifest> {
  const { distribution, cacheDir, outFile, identity } = options;
  await mkdir(cacheDir, { recursive: true });
  if (identity !== undefined) await chown(cacheDir, identity.uid, identity.gid);
  const template = join(
    cacheDir,
    `initdb-${PgVersion.dirName(distribution.version)}-${await templateKey(distribution)}.image`,
  );
  await ensureTemplate(distribution, cacheDir, template, identity);
  // Never a hard link: a test that damages its layer would damage everyone's.
  await copyFile(template, outFile, constants.COPYFILE_FICLONE);
  return readImageManifest(outFile);
}

function initdbArguments(version: PgVersion): string[] {
  const provider =
    version >= 17 ? ["--locale-provider", "builtin"] : version >= 15 ? ["--locale-provider", "libc"] : [];
  return [
    ...["--username", "cloud_admin", "--encoding", "utf8", "--locale", "C.UTF-8", ...provider],
    ...["--no-instructions", "--no-sync", "-A", "trust"],
    ...["--wal-segsize", String(DEFAULT_WAL_SEGMENT_SIZE / 1024 / 1024)],
  ];
}

async function templateKey(distribution: PgDistribution): Promise<string> {
  const { size, mtimeMs } = await stat(distribution.postgres);
  const facts = [size, mtimeMs, ...initdbArguments(distribution.version), "format 2"];
  return createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 16);
}

/** Templates that this process makes just now. Another process may make the same one; the last to finish wins. */
const inProgress = new Map<string, Promise<void>>();

async function ensureTemplate(
  distribution: PgDistribution,
  cacheDir: string,
  template: string,
  identity: RunAs | undefined,
): Promise<void> {
  if (await exists(template)) return;
  const running =
    inProgress.get(template) ??
    makeTemplate(distribution, cacheDir, template, identity).finally(() => inProgress.delete(template));
  inProgress.set(template, running);
  await running;
}

async function makeTemplate(
  distribution: PgDistribution,
  cacheDir: string,
  template: string,
  identity: RunAs | undefined,
): Promise<void> {
  const dir = await mkdtemp(join(cacheDir, "initdb-"));
  const dataDir = join(dir, "pgdata");
  try {
    if (identity !== undefined) await chown(dir, identity.uid, identity.gid);
    await run(distribution.initdb, ["-D", dataDir, ...initdbArguments(distribution.version)], {
      cwd: dir,
      env: { PATH: process.env["PATH"] ?? "", LANG: "C" },
      ...identity,
    });
    await imageOfDirectory(dataDir, distribution.version, template);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
