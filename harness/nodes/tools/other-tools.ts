import type { NodeContext } from "../context";
import { runTool } from "./run-tool";
import type { ToolResult } from "./run-tool";

/** An index_part.json as `pagectl` prints it. */
export interface IndexPartDump {
  layer_metadata: Record<string, { file_size: number; generation: number; shard?: string }>;
  disk_consistent_lsn: string;
  [key: string]: unknown;
}

/** Reads and rewrites a pageserver's files. */
export class Pagectl {
  readonly #context: NodeContext;

  constructor(context: NodeContext) {
    this.#context = context;
  }

  run(args: readonly string[]): Promise<ToolResult> {
    return runTool(this.#context, this.#context.engine.binary("pagectl"), args);
  }

  async dumpIndexPart(path: string): Promise<IndexPartDump> {
    return JSON.parse((await this.run(["index-part", "dump", path])).stdout) as IndexPartDump;
  }
}

/** Writes WAL that ends at awkward places. */
export class WalCraft {
  readonly #context: NodeContext;

  constructor(context: NodeContext) {
    this.#context = context;
  }

  run(args: readonly string[]): Promise<ToolResult> {
    return runTool(this.#context, this.#context.engine.binary("wal_craft"), args);
  }

  /** The settings that a Postgres needs, so that the WAL comes out as it should. */
  async postgresConfig(): Promise<string[]> {
    return (await this.run(["print-postgres-config"])).stdout.split("\n").filter((line) => line !== "");
  }

  /** Writes WAL of this kind, e.g. `simple`, in a running Postgres. */
  async inExisting(type: string, connstr: string): Promise<void> {
    await this.run(["in-existing", type, connstr]);
  }
}
