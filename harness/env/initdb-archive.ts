import { randomUUID } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveToNodes, templateDirectory } from "../nodes";
import type { NodeContext } from "../nodes";
import type { RemoteStorage } from "../storage";
import type { PgVersion, TenantId, TimelineId } from "../types";

const NAME = "initdb.tar.zst";

/**
 * What a pageserver's initdb made, kept over runs: a pageserver that finds it in its remote storage needs no initdb of
 * its own, which takes longer than all the rest of an environment's start.
 */
export class InitdbArchive {
  readonly #context: NodeContext;
  readonly #storage: RemoteStorage;
  readonly #cached: string;

  constructor(context: NodeContext, storage: RemoteStorage, pgVersion: PgVersion) {
    this.#context = context;
    this.#storage = storage;
    this.#cached = join(templateDirectory(context), `${context.engine.buildKey(pgVersion)}-${NAME}`);
  }

  /** Puts a copy where the pageserver looks for the timeline's own; false when there is none yet. */
  async offer(tenantId: TenantId, timelineId: TimelineId): Promise<boolean> {
    if (!existsSync(this.#cached)) return false;
    await this.#storage.write(this.#keyOf(tenantId, timelineId), await readFile(this.#cached));
    return true;
  }

  /** Keeps what the pageserver's own initdb has made for this timeline. */
  async keep(tenantId: TenantId, timelineId: TimelineId): Promise<void> {
    if (existsSync(this.#cached)) return;
    const bytes = await this.#storage.find(this.#keyOf(tenantId, timelineId));
    if (bytes === undefined) return;
    const draft = `${this.#cached}.${randomUUID()}`;
    try {
      await writeFile(draft, bytes);
      giveToNodes(this.#context, draft);
      renameSync(draft, this.#cached);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #keyOf(tenantId: TenantId, timelineId: TimelineId): string {
    return `${this.#storage.timelinePath(tenantId, timelineId)}${NAME}`;
  }
}
