import { statSync } from "node:fs";
import { resolve } from "node:path";
import { checkRemoteStorage } from "../../harness/checks";
import { detectEngine } from "../../harness/engine";
import { StorageScrubber } from "../../harness/nodes";
import { openFolder, openS3 } from "../../harness/storage";
import type { RemoteStorage } from "../../harness/storage";
import { HarnessError } from "../../harness/types";
import { defineCommand } from "../command/command";
import { value } from "../command/option";
import { text } from "../command/readers";

interface Where {
  dir: string | undefined;
  bucket: string | undefined;
  prefix: string | undefined;
  region: string | undefined;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Remote storage, looked through without a Neon that runs. */
export const scrub = defineCommand({
  name: "scrub",
  summary: "checks a pageserver's remote storage: every index against the objects that are there",
  options: {
    dir: value("D", text, { help: "a folder, as local_fs has it (it contains tenants/)", excludes: ["bucket"] }),
    bucket: value("NAME", text, { help: "a bucket of S3" }),
    prefix: value("P", text, { help: "where in the bucket; default: at its root", excludes: ["dir"] }),
    region: value("R", text, { help: "default: AWS_REGION, or us-east-1", excludes: ["dir"] }),
  },
  details: `Keys and end point of S3 come from AWS_ACCESS_KEY_ID …, AWS_PROFILE and AWS_ENDPOINT_URL_S3. Where NEON_BIN has
storage_scrubber, it looks at the bucket, too. Nothing may write meanwhile.`,
  run: ({ options }) => runScrub(options),
});

async function runScrub(where: Where): Promise<number> {
  const storage = await open(where);
  const { tenants, timelines, layers, unneeded, unknown } = await checkRemoteStorage(storage, await neons(storage));
  if (timelines === 0) {
    throw new HarnessError("BAD_VALUE", {
      summary: "there is nothing to scrub",
      expected: `timelines of a pageserver in ${storage.describe()}`,
      found: `${unknown.length} objects below tenants/, and no index`,
      todo: "see whether the prefix, or the folder, is the right one",
    });
  }
  print(`neon-test scrub: ${storage.describe()}`);
  print(`  ${tenants} tenants, ${timelines} timelines, ${layers} layers: all there`);
  if (unneeded.length > 0) print(`  ${unneeded.length} layers that no index names, e.g. ${unneeded[0]}`);
  if (unknown.length > 0) print(`  ${unknown.length} objects that Neon does not know, e.g. ${unknown[0]}`);
  return 0;
}

/** The storage_scrubber of NEON_BIN, where there is one. */
async function neons(storage: RemoteStorage): Promise<StorageScrubber | undefined> {
  if (!process.env["NEON_BIN"]) return undefined;
  const engine = await detectEngine();
  if (!engine.facts.features.has("storage_scrubber")) return undefined;
  return new StorageScrubber({ engine, repoDir: "/", environment: {} }, storage);
}

async function open({ dir, bucket, prefix = "", region }: Where): Promise<RemoteStorage> {
  if (bucket !== undefined) {
    const chosen = region ?? process.env["AWS_REGION"] ?? "us-east-1";
    return openS3({ bucket, region: chosen, prefix: prefix.replace(/^\/+|\/+$/g, "") });
  }
  if (dir === undefined) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: "neon-test scrub was not told where to look",
      expected: "--dir D, or --bucket NAME",
      found: "neither",
    });
  }
  const folder = resolve(dir);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return openFolder(folder);
  throw new HarnessError("BAD_VALUE", { summary: "there is no such folder", expected: "a directory", found: folder });
}
