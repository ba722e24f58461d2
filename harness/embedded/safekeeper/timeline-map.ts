import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TenantId, TimelineId } from "../../types";
import { errorText, hasErrorCode, type Logger, type RemoteStorage, syncDirectory, syncFile } from "../service";
import type { TenantTimelineId } from "./acceptor-state";
import { formatTtid } from "./acceptor-state";
import type { BackupCounts } from "./backup/backup-counts";
import { RemoteWal } from "./backup/remote-wal";
import { type ControlFileContent, readControlFile } from "./control-file";
import { Mutex } from "./mutex";
import { Timeline } from "./timeline";

export interface TimelineMapOptions {
  workdir: string;
  nodeId: number;
  sync: boolean;
  log: Logger;
  /** Called for each timeline that can be used from now on. */
  onOpened: (timeline: Timeline) => void;
  /** Where WAL is backed up; undefined where no remote storage is configured. */
  remote: RemoteStorage | undefined;
  walBackup: boolean;
  counts: BackupCounts;
}

export interface DeleteResult {
  dir_existed: boolean;
  was_active: boolean;
}

const HEX_ID = /^[0-9a-f]{32}$/;

async function subdirectories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && HEX_ID.test(entry.name)).map((entry) => entry.name);
}

/** All timelines of this safekeeper ("global map"). */
export class TimelineMap {
  readonly #options: TimelineMapOptions;
  readonly #timelines = new Map<string, Timeline>();
  /** Why timelines on disk could not be opened. They must not be created anew over what is there. */
  readonly #broken = new Map<string, string>();
  readonly #changes = new Mutex();

  constructor(options: TimelineMapOptions) {
    this.#options = options;
  }

  get all(): Timeline[] {
    return [...this.#timelines.values()];
  }

  get(id: TenantTimelineId): Timeline | undefined {
    return this.#timelines.get(formatTtid(id));
  }

  /** Opens every timeline found on disk. One that cannot be read stays closed and is logged as an error. */
  async load(): Promise<void> {
    for (const tenant of await subdirectories(this.#options.workdir)) {
      const timelines = await subdirectories(join(this.#options.workdir, tenant));
      await Promise.all(
        timelines.map((timeline) =>
          this.#loadOne({ tenantId: TenantId.parse(tenant), timelineId: TimelineId.parse(timeline) }),
        ),
      );
    }
  }

  async #loadOne(id: TenantTimelineId): Promise<void> {
    const { log } = this.#options;
    try {
      const content = await readControlFile(this.#directory(id));
      // Its creation was cut short before anybody heard of it; the next proposer creates it anew.
      if (content === undefined) return log.warn(`timeline ${formatTtid(id)} has no control file, ignored`);
      this.#add(await Timeline.load(this.#timelineOptions(id), content));
    } catch (error) {
      log.error(`failed to load timeline ${formatTtid(id)}: ${errorText(error)}`);
      this.#broken.set(formatTtid(id), errorText(error));
    }
  }

  /** Creates the timeline unless there is one with this id, which is returned then. */
  create(content: ControlFileContent): Promise<Timeline> {
    return this.#changes.run(async () => {
      const { state } = content;
      const existing = this.get(state);
      if (existing !== undefined) return existing;
      const broken = this.#broken.get(formatTtid(state));
      if (broken !== undefined) throw new Error(`timeline ${formatTtid(state)} could not be loaded: ${broken}`);
      const timeline = await Timeline.create(this.#timelineOptions(state), content);
      if (this.#options.sync) {
        await syncDirectory(dirname(timeline.directory));
        await syncDirectory(this.#options.workdir);
      }
      this.#options.log.info(`created timeline ${formatTtid(state)}`);
      this.#add(timeline);
      return timeline;
    });
  }

  /** The WAL of a timeline, known or not, in remote storage. */
  remoteOf(id: TenantTimelineId): RemoteWal | undefined {
    const { remote } = this.#options;
    return remote === undefined ? undefined : new RemoteWal(remote, id);
  }

  /** Opens a timeline whose directory `fill` makes, beside its place first: it appears whole or not at all. */
  adopt(id: TenantTimelineId, fill: (directory: string) => Promise<void>): Promise<Timeline> {
    return this.#changes.run(async () => {
      if (this.get(id) !== undefined || this.#broken.has(formatTtid(id))) {
        throw new Error(`Timeline ${id.timelineId} already exists`);
      }
      const temporary = join(this.#options.workdir, "tmp", `${id.tenantId}-${id.timelineId}-${randomUUID()}`);
      await mkdir(temporary, { recursive: true });
      try {
        await fill(temporary);
        if (this.#options.sync) for (const name of await readdir(temporary)) await syncFile(join(temporary, name));
        await this.#moveIntoPlace(temporary, this.#directory(id));
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
      const content = await readControlFile(this.#directory(id));
      if (content === undefined) throw new Error(`timeline ${formatTtid(id)} came without a control file`);
      const own = { ...content.state, tenantId: id.tenantId, timelineId: id.timelineId };
      // Partial segments in remote storage are of the safekeeper that wrote them, but for one that was copied for us.
      const suffix = `_sk${this.#options.nodeId}.partial`;
      const partialSegments = content.progress.partialSegments.filter(({ name }) => name.endsWith(suffix));
      const offloadedAt = partialSegments.length === 0 ? undefined : content.progress.offloadedAt;
      const progress = { ...content.progress, partialSegments, offloadedAt };
      const timeline = await Timeline.load(this.#timelineOptions(id), { state: own, progress });
      await timeline.storeProgress();
      this.#options.log.info(`adopted timeline ${formatTtid(id)}`);
      this.#add(timeline);
      return timeline;
    });
  }

  async #moveIntoPlace(from: string, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
    if (!this.#options.sync) return;
    for (const path of [to, dirname(to), this.#options.workdir]) await syncDirectory(path);
  }

  /** Ends the timeline's connections and removes its files, here and (unless `onlyLocal`) in remote storage. */
  delete(id: TenantTimelineId, { onlyLocal }: { onlyLocal: boolean }): Promise<DeleteResult> {
    return this.#changes.run(async () => {
      const timeline = this.get(id);
      const wasActive = timeline?.isActive ?? false;
      await timeline?.close();
      this.#timelines.delete(formatTtid(id));
      this.#broken.delete(formatTtid(id));
      if (!onlyLocal) await this.remoteOf(id)?.removeEverything();
      const existed = await this.#removeDirectory(this.#directory(id));
      if (existed) this.#options.log.info(`deleted timeline ${formatTtid(id)}`);
      return { dir_existed: existed, was_active: wasActive };
    });
  }

  /** Deletes every timeline of the tenant; the results by timeline id. */
  async deleteTenant(tenantId: TenantId, { onlyLocal }: { onlyLocal: boolean }): Promise<Record<string, DeleteResult>> {
    const results: Record<string, DeleteResult> = {};
    for (const { id } of this.all.filter((timeline) => timeline.id.tenantId === tenantId)) {
      results[id.timelineId] = await this.delete(id, { onlyLocal });
    }
    await this.#removeDirectory(join(this.#options.workdir, tenantId));
    return results;
  }

  /** Closes every timeline. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((timeline) => timeline.close()));
  }

  #add(timeline: Timeline): void {
    this.#timelines.set(formatTtid(timeline.id), timeline);
    this.#options.onOpened(timeline);
  }

  #directory(id: TenantTimelineId): string {
    return join(this.#options.workdir, id.tenantId, id.timelineId);
  }

  #timelineOptions(id: TenantTimelineId) {
    const { nodeId, sync, log, walBackup, counts } = this.#options;
    const backup = { remote: this.remoteOf(id), walBackup, counts };
    const directory = this.#directory(id);
    return { directory, nodeId, sync, ...backup, log: log.span("timeline", { ttid: formatTtid(id) }) };
  }

  async #removeDirectory(path: string): Promise<boolean> {
    try {
      await rm(path, { recursive: true });
      return true;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return false;
      throw error;
    }
  }
}
