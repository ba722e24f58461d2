import { tmpdir } from "node:os";
import { prepareEngine } from "../../harness/engine";
import { describeAddresses, NeonEnvBuilder, TestDirectory } from "../../harness/env";
import type { NeonEnv } from "../../harness/env";
import type { NeonNode } from "../../harness/nodes";
import { PortPool } from "../../harness/ports";
import { beginRun } from "../../harness/process";
import { describeExit, messageOfUnknown } from "../../harness/types";
import type { PgVersion } from "../../harness/types";
import { defineCommand } from "../command/command";
import { value } from "../command/option";
import { pgVersion } from "../command/readers";
import { untilAskedToStop } from "../runner/until-asked-to-stop";
import { chooseVersions } from "../runner/versions";

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * An environment in the foreground, three safekeepers and one compute, until Ctrl-C. A node that is killed meanwhile is
 * started again, so that people can try what Neon survives.
 */
export const up = defineCommand({
  name: "up",
  summary: "starts an environment in the foreground and takes it down on Ctrl-C",
  options: { pgVersion: value("V", pgVersion, { help: "Postgres version, e.g. 17" }) },
  run: async ({ options }) => runUp(options.pgVersion),
});

async function runUp(asked: PgVersion | undefined): Promise<number> {
  const engine = await prepareEngine();
  const [pgVersion] = chooseVersions(engine, asked === undefined ? [] : [asked]);
  const run = await beginRun();
  const stopped = untilAskedToStop();
  await using ports = await PortPool.lease();
  const directory = TestDirectory.create(`${tmpdir()}/neon-test-up`, `${process.pid}`, engine.facts.identity);
  const builder = new NeonEnvBuilder({ engine, pgVersion, directory, ports }).with({ numSafekeepers: 3 });
  try {
    const env = await builder.initStart();
    await env.endpoints.createStart("main");
    describeEnv(env);
    const watch = new NodeWatch(env);
    await stopped;
    await watch.end();
    print("stopping …");
  } finally {
    // Nothing is checked: what the nodes say of all that was killed is nobody's fault.
    await builder.env?.tearDown({ passed: false });
    directory.remove();
    await run.finish({ interrupted: false });
  }
  print("gone without a trace");
  return 0;
}

function describeEnv(env: NeonEnv): void {
  print(`neon-test up: ${env.engine.describe()}`);
  for (const line of describeAddresses(env)) print(`  ${line}`);
  print("Kill what you like, it is started again. Ctrl-C takes everything down.");
}

/** Starts nodes again that died without being asked to. */
class NodeWatch {
  #ended = false;
  readonly #restarts = new Set<Promise<boolean>>();

  constructor(env: NeonEnv) {
    const nodes: NeonNode[] = [
      env.broker,
      env.storageController,
      ...env.safekeepers,
      ...env.pageservers,
      ...env.endpoints.all,
    ];
    for (const node of nodes) void this.#watch(node);
  }

  /** No more restarts from now on; resolves when those under way have ended. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#restarts);
  }

  async #watch(node: NeonNode): Promise<void> {
    for (;;) {
      const exit = await node.exited();
      if (this.#ended) return;
      print(`${node.name} ended: ${describeExit(exit)}; starting it again`);
      const restart = this.#startAgain(node);
      this.#restarts.add(restart);
      const isBack = await restart;
      this.#restarts.delete(restart);
      if (!isBack) return;
    }
  }

  async #startAgain(node: NeonNode): Promise<boolean> {
    try {
      await node.kill9();
      await node.start();
      print(`${node.name} is back, pid ${node.pid}`);
      return true;
    } catch (error) {
      print(`${node.name} did not come back: ${messageOfUnknown(error)}`);
      return false;
    }
  }
}
