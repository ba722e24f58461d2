import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { pollUntil } from "../harness/wait";
import type { PollAttempt } from "../harness/wait";
import { InlineSuite } from "./testing/inline-suite";

const IMAGE = "minio/minio";

const docker = (...args: string[]) => execa("docker", args, { reject: false });

/** Why there can be no container of MinIO here; undefined where there can. Nothing is pulled for a test. */
async function whyNone(): Promise<string | undefined> {
  const { exitCode, stdout } = await docker("image", "ls", "--quiet", IMAGE);
  if (exitCode !== 0) return "there is no Docker that answers";
  return stdout === "" ? `Docker has no image ${IMAGE}` : undefined;
}

const containers = async (): Promise<string[]> =>
  (await docker("ps", "--all", "--quiet", "--filter", "label=neon-test.run")).stdout.split("\n").filter(Boolean);

test("SIGKILL of the command leaves no container", async ({ skip }) => {
  const why = await whyNone();
  skip(why !== undefined, why);
  const before = await containers();
  using suite = new InlineSuite({
    one: `test("waits for ever", async ({ neonEnvBuilder }) => {
      await neonEnvBuilder.enablePageserverRemoteStorage("mock_s3").initStart();
      (await import("node:fs")).writeFileSync(process.env.SCRATCH + "/started", "true");
      await new Promise(() => {});
    });`,
  });
  // Their own reaper, a container as well, would remove it some time, too.
  const run = suite.start([], { MOCK_S3_BACKEND: "minio", TESTCONTAINERS_RYUK_DISABLED: "true" });
  onTestFinished(() => void run.kill("SIGKILL"));
  await pollUntil("its environment to be there", () => suite.hasNote("started"), { budgetMs: 60_000 });
  expect(await containers()).toHaveLength(before.length + 1);
  run.kill("SIGKILL");
  await run;
  const probe = async ({ observed }: PollAttempt): Promise<boolean> => {
    const left = await containers();
    observed(left.join(", "));
    return left.length === before.length;
  };
  await pollUntil("its container to be gone", probe, { budgetMs: 20_000 });
});
