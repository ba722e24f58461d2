import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { serveDirectory } from "../../harness/storage/mock-s3/serve-directory";
import { defineCommand } from "../command/command";
import { list, value } from "../command/option";
import { text, wholeNumber } from "../command/readers";
import { untilAskedToStop } from "../runner/until-asked-to-stop";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** The server behind mock_s3, in the foreground, for any client. */
export const s3 = defineCommand({
  name: "s3",
  summary: "serves S3 from a directory in the foreground, until Ctrl-C",
  options: {
    port: value("N", wholeNumber(1), { help: "default: any that is free" }),
    dir: value("D", text, {
      help: "where buckets and keys are kept for the next time; default: a temporary directory",
    }),
    bucket: list("NAME", text, { help: "a bucket that is made at the start; may be repeated" }),
  },
  details: `Any S3 client can use it with the end point and keys that it prints. With --dir everything is there again at the next
start, the keys too, also after SIGKILL.`,
  run: ({ options }) => serve(options.port, options.dir, options.bucket),
});

async function serve(port: number | undefined, asked: string | undefined, buckets: readonly string[]): Promise<number> {
  const stopped = untilAskedToStop();
  const dir = asked === undefined ? mkdtempSync(join(tmpdir(), "neon-test-s3-")) : resolve(asked);
  try {
    const server = await serveDirectory(dir, { port, buckets });
    print(`neon-test s3: ${server.endpoint}, objects in ${dir}`);
    print(`  export AWS_ENDPOINT_URL_S3=${server.endpoint} AWS_REGION=${server.region}`);
    print(`  export AWS_ACCESS_KEY_ID=${server.keys.accessKeyId} AWS_SECRET_ACCESS_KEY=${server.keys.secretAccessKey}`);
    print("Ctrl-C ends it.");
    await stopped;
    await server.stop();
  } finally {
    if (asked === undefined) rmSync(dir, { recursive: true, force: true });
  }
  print(asked === undefined ? "gone without a trace" : `ended; ${dir} has everything for the next time`);
  return 0;
}
