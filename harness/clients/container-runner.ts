import { basename, dirname } from "node:path";
import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { GenericContainer, getContainerRuntimeClient } from "testcontainers";
import type { ContainerRuntimeClient, StartedTestContainer, WaitStrategy } from "testcontainers";
import { messageOfUnknown } from "../types";
import type { Prepared, RunOptions } from "./client-runner";
import type { Driver } from "./driver";
import { contentOf, Unobtainable } from "./install";
import type { ProgramEnd } from "./run-program";
import { environmentOf } from "./target";
import type { ClientTarget } from "./target";

const CA_PATH = "/tmp/neon-test-ca.pem";
const START_BUDGET_MS = 60_000;

/** The driver's program as its Dockerfile builds it. Throws Unobtainable where the image can't be built. */
export async function prepareContainer(driver: Driver): Promise<Prepared> {
  let docker: ContainerRuntimeClient;
  try {
    docker = await getContainerRuntimeClient();
  } catch (error) {
    return { skip: `no Docker (${messageOfUnknown(error).split("\n")[0]}): install and start it` };
  }
  const image = await buildImage(driver);
  return { kind: "container", hostOf, run: (options) => run(docker, image, options) };
}

/** Rebuilt when one of its files changes; kept for the next run. The context is the language's folder. */
async function buildImage(driver: Driver): Promise<string> {
  const name = `neon-test-client-${driver.name.replaceAll("/", "-")}:${contentOf(driver)}`;
  try {
    await GenericContainer.fromDockerfile(dirname(driver.folder), `${basename(driver.folder)}/Dockerfile`)
      .withBuildArgs(baseOf(driver))
      .build(name, { deleteOnExit: false });
  } catch (error) {
    throw new Unobtainable(`its image can't be built: ${messageOfUnknown(error).split("\n").at(-1)}`);
  }
  return name;
}

/** NEON_TEST_CLIENT_BASE_PYTHON and the like name an image of the user's own to build on. */
function baseOf({ name }: Driver): Record<string, string> {
  const base = process.env[`NEON_TEST_CLIENT_BASE_${name.split("/")[0]?.toUpperCase()}`];
  return base ? { BASE: base } : {};
}

/** A container has a hosts file of its own, so it can call a server of ours by its full name. */
const hostOf = (target: ClientTarget): string => target.dottedHost ?? target.host;

async function run(docker: ContainerRuntimeClient, image: string, options: RunOptions): Promise<ProgramEnd> {
  const { target, slotMs } = options;
  const environment = environmentOf(target, hostOf(target), target.ca === undefined ? undefined : CA_PATH);
  const container = new GenericContainer(image)
    .withEnvironment(environment)
    .withStartupTimeout(START_BUDGET_MS)
    .withWaitStrategy(new Started());
  if (target.ca !== undefined) container.withCopyContentToContainer([{ content: target.ca, target: CA_PATH }]);
  if (target.dottedHost !== undefined) reachThisMachine(container, target.dottedHost);
  const started = await container.start();
  try {
    return await endOf(docker, started, slotMs);
  } finally {
    await started.stop({ timeout: 0 });
  }
}

/** Our server listens on the loopback of this machine, which a container of Docker Desktop reaches by its gateway. */
function reachThisMachine(container: GenericContainer, host: string): void {
  if (process.platform !== "linux") return void container.withExtraHosts([{ host, ipAddress: "host-gateway" }]);
  container.withNetworkMode("host").withExtraHosts([{ host, ipAddress: "127.0.0.1" }]);
}

async function endOf(
  docker: ContainerRuntimeClient,
  started: StartedTestContainer,
  slotMs: number,
): Promise<ProgramEnd> {
  const container = docker.container.getById(started.getId());
  const late = AbortSignal.timeout(slotMs);
  const exit = container.wait() as Promise<{ StatusCode: number }>;
  const isLate = new Promise<"late">((resolve) => late.addEventListener("abort", () => resolve("late")));
  const end = await Promise.race([exit, isLate]);
  if (end === "late") await container.kill();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const raw = (await container.logs({ follow: true, stdout: true, stderr: true })) as Readable;
  container.modem.demuxStream(raw, stdout, stderr);
  raw.once("end", () => [stdout, stderr].forEach((stream) => stream.end()));
  const [out, err] = await Promise.all([text(stdout), text(stderr)]);
  return {
    exitCode: end === "late" ? undefined : end.StatusCode,
    isOverTime: end === "late",
    stdout: out,
    stderr: err,
  };
}

/** The program may be over before anybody looks, so there is nothing to wait for. */
class Started implements WaitStrategy {
  waitUntilReady = (): Promise<void> => Promise.resolve();
  withStartupTimeout = (): this => this;
  isStartupTimeoutSet = (): boolean => true;
  getStartupTimeout = (): number => START_BUDGET_MS;
}
