import { join } from "node:path";
import { Wait } from "../wait";
import { NeonNode } from "./neon-node";
import type { NodeContext } from "./context";

export class StorageBroker extends NeonNode {
  readonly name = "storage_broker";
  readonly port: number;

  constructor(context: NodeContext, port: number) {
    super(context);
    this.port = port;
  }

  get logPath(): string {
    return join(this.context.repoDir, "storage_broker.log");
  }

  /** What safekeepers and pageservers are told. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  protected spawnSpec() {
    return {
      command: this.context.engine.binary("storage_broker"),
      args: [`--listen-addr=127.0.0.1:${this.port}`],
      cwd: this.context.repoDir,
    };
  }

  protected ports() {
    return [this.port];
  }

  protected readiness() {
    return Wait.http(`http://127.0.0.1:${this.port}/status`);
  }
}
