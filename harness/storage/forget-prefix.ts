// node forget-prefix.js BUCKET REGION PREFIX: the reaper runs it when a run on somebody's bucket has ended, whatever ended it.
import { HarnessError, messageOfUnknown } from "../types";
import { connectRealS3 } from "./real-s3";
import { isRunPrefix } from "./run-prefix";
import { S3Storage } from "./s3-storage";

/** Removes what is left below the prefix of a run; nothing else may be asked of it. Throws MISUSE. */
async function forgetPrefix(bucket: string, region: string, prefix: string): Promise<void> {
  if (!isRunPrefix(prefix)) {
    throw new HarnessError("MISUSE", {
      summary: "only a run's prefix may be forgotten",
      expected: "neon-test-…",
      found: prefix,
    });
  }
  const names = { REMOTE_STORAGE_S3_BUCKET: bucket, REMOTE_STORAGE_S3_REGION: region };
  const { place, client, credentials } = await connectRealS3({ ...process.env, ...names });
  await new S3Storage({ ...place, prefix }, client, await credentials()).removeEverything();
  client.destroy();
}

const [bucket = "", region = "", prefix = ""] = process.argv.slice(2);
try {
  await forgetPrefix(bucket, region, prefix);
} catch (error) {
  process.stderr.write(`${messageOfUnknown(error)}\n`);
  process.exitCode = 1;
}
