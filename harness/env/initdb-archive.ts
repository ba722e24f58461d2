import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { giveToNodes, makeNodeDirectory, templateDirectory } from "../nodes";
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
    const programs = ["initdb", "postgres"].map((program) => context.engine.postgresProgram(pgVersion, program));
    const facts = [context.engine.binary("pageserver"), ...programs].map((path) => {
      const { size, mtimeMs } = statSync(path);
      return [path, size, mtimeMs].join("\0");
    });
    const key = createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 24);
    this.#cached = join(templateDirectory(context), `${key}-${NAME}`);
  }

  /** Puts a copy where the pageserver looks for the timeline's own; false when there is none yet. */
  offer(tenantId: TenantId, timelineId: TimelineId): boolean {
    if (!existsSync(this.#cached)) return false;
    const target = this.#pathOf(tenantId, timelineId);
    // Each level belongs to the nodes' user, or the pageserver could add nothing beside it.
    for (const levels of [["tenants"], ["tenants", tenantId], ["tenants", tenantId, "timelines"]]) {
      makeNodeDirectory(this.#context, join(this.#storage.root, ...levels));
    }
    makeNodeDirectory(this.#context, dirname(target));
    copyFileSync(this.#cached, target);
    giveToNodes(this.#context, target);
    return true;
  }

  /** Keeps what the pageserver's own initdb has made for this timeline. */
  keep(tenantId: TenantId, timelineId: TimelineId): void {
    const source = this.#pathOf(tenantId, timelineId);
    if (existsSync(this.#cached) || !existsSync(source)) return;
    const draft = `${this.#cached}.${randomUUID()}`;
    try {
      copyFileSync(source, draft);
      giveToNodes(this.#context, draft);
      renameSync(draft, this.#cached);
    } finally {
      rmSync(draft, { force: true });
    }
  }

  #pathOf(tenantId: TenantId, timelineId: TimelineId): string {
    return join(this.#storage.root, "tenants", tenantId, "timelines", timelineId, NAME);
  }
}
