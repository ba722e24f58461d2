import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveToNodes, makeNodeDirectory, templateDirectory, writeNodeFile } from "../nodes";
import type { NodeContext, Pageserver } from "../nodes";
import type { RemoteStorage } from "../storage";
import type { PgVersion, TenantId, TimelineId } from "../types";
import { errnoOf } from "../types";
import { belongsTo, rewriteOwner } from "./layer-header";

/** Where the first generation writes; a template is one generation's work. */
const GENERATION = 1;
const INDEX = "index_part.json";
const INITDB = "initdb.tar.zst";

interface Owner {
  tenantId: TenantId;
  timelineId: TimelineId;
}

/**
 * What a new tenant's first timeline is right after its initdb, kept over runs. A tenant whose files are in remote storage
 * already is attached instead of made, which takes a twentieth of the time, and has the same files then.
 */
export class TenantTemplate {
  readonly #context: NodeContext;
  readonly #storage: RemoteStorage;
  readonly #pageservers: readonly Pageserver[];
  readonly #dir: string;

  constructor(
    context: NodeContext,
    parts: { storage: RemoteStorage; pageservers: readonly Pageserver[]; pgVersion: PgVersion },
  ) {
    this.#context = context;
    this.#storage = parts.storage;
    this.#pageservers = parts.pageservers;
    this.#dir = join(templateDirectory(context), `${context.engine.buildKey(parts.pgVersion)}-timeline`);
  }

  /** Puts copies where the pageserver will look for the timeline, with its ids in them; false when there is none yet. */
  async offer(owner: Owner): Promise<boolean> {
    if (!existsSync(this.#dir)) return false;
    const path = this.#storage.timelinePath(owner.tenantId, owner.timelineId);
    const [index, initdb] = await Promise.all([readFile(join(this.#dir, INDEX)), readFile(join(this.#dir, INITDB))]);
    await this.#storage.write(`${path}${INITDB}`, initdb);
    for (const name of await readdir(join(this.#dir, "layers"))) {
      const layer = rewriteOwner(await readFile(join(this.#dir, "layers", name)), owner);
      await this.#storage.write(this.#storage.layerKey(owner.tenantId, owner.timelineId, name, GENERATION), layer);
      this.#putOnPageserver(owner, name, layer);
    }
    await this.#storage.write(this.#storage.indexKey(owner.tenantId, owner.timelineId, GENERATION), index);
    return true;
  }

  /** A timeline that was just made is on its pageserver's disk, too; where that is is known when there is only one. */
  #putOnPageserver({ tenantId, timelineId }: Owner, name: string, layer: Buffer): void {
    const [only, ...others] = this.#pageservers;
    if (only === undefined || others.length > 0) return;
    const timelineDir = only.timelineDir(tenantId, timelineId);
    for (const dir of [only.tenantDir(tenantId), join(only.tenantDir(tenantId), "timelines"), timelineDir]) {
      makeNodeDirectory(this.#context, dir);
    }
    writeNodeFile(this.#context, join(timelineDir, `${name}-v1-${GENERATION.toString(16).padStart(8, "0")}`), layer);
  }

  /** Keeps what a pageserver has just made for a new tenant, unless it is of a form that isn't known here. */
  async keep(owner: Owner): Promise<void> {
    if (existsSync(this.#dir)) return;
    const { tenantId, timelineId } = owner;
    const layers = await this.#storage.layerKeys(tenantId, timelineId);
    const path = this.#storage.timelinePath(tenantId, timelineId);
    const files: [string, Buffer][] = [
      [INDEX, await this.#storage.read(this.#storage.indexKey(tenantId, timelineId, GENERATION))],
      [INITDB, await this.#storage.read(`${path}${INITDB}`)],
    ];
    for (const key of layers) {
      const bytes = await this.#storage.read(key);
      if (!belongsTo(bytes, owner)) return;
      files.push([join("layers", key.slice(path.length).replace(/-[0-9a-f]{8}$/, "")), bytes]);
    }
    await this.#keepFiles(files);
  }

  /** Made under a name of its own and renamed: who races with us finds nothing, or all of it. */
  async #keepFiles(files: readonly [string, Buffer][]): Promise<void> {
    const draft = `${this.#dir}.${randomUUID()}`;
    try {
      mkdirSync(join(draft, "layers"), { recursive: true, mode: 0o755 });
      for (const [name, bytes] of files) await writeFile(join(draft, name), bytes);
      giveToNodes(this.#context, draft);
      renameSync(draft, this.#dir);
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
}
