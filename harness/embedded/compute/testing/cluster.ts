import type { PgServer } from "../../../wire";
import type { TenantTimelineId } from "../../safekeeper/acceptor-state";
import { newId, type SafekeeperDirectories, SafekeeperProcess } from "../../safekeeper/testing/safekeeper-process";
import { ComputeProcess, type ComputeProcessOptions } from "./compute-process";
import { startFakePageserver } from "./fake-pageserver";

export interface ClusterFiles {
  directory: string;
  imageFile: string;
  safekeeperDirectories: SafekeeperDirectories;
}

/** Safekeepers, a page server, and any number of computes for one timeline. */
export class Cluster {
  readonly #files: ClusterFiles;
  readonly #dead = new Set<number>();
  id: TenantTimelineId = newId();
  readonly safekeepers: SafekeeperProcess[] = [];
  readonly computes: ComputeProcess[] = [];
  readonly ports: number[] = [];
  readonly leases: string[] = [];
  /** What the page server does to each base that it sends; undefined ends it. */
  mangle: (piece: Buffer, position: number) => Buffer | undefined = (piece) => piece;
  pageserver: PgServer | undefined;

  constructor(files: ClusterFiles) {
    this.#files = files;
  }

  /** Everything is up, and a timeline is there on which nothing was written yet. */
  async newTimeline(): Promise<void> {
    await Promise.all([0, 1, 2].map((index) => this.ensureSafekeeper(index)));
    this.id = newId();
    const { imageFile } = this.#files;
    const safekeeperPorts = () => this.livingPorts();
    this.leases.length = 0;
    const onLease = (lsn: string) => void this.leases.push(lsn);
    this.mangle = (piece) => piece;
    this.pageserver = await startFakePageserver({
      ...{ imageFile, id: this.id, safekeeperPorts, onLease },
      mangle: (piece, position) => this.mangle(piece, position),
    });
  }

  async ensureSafekeeper(index: number): Promise<void> {
    if (this.safekeepers[index] === undefined || !this.isAlive(index)) await this.startSafekeeper(index);
  }

  async startSafekeeper(index: number): Promise<void> {
    const port = this.ports[index];
    const before = this.safekeepers[index];
    const again = port === undefined ? [] : ["--listen-pg", `127.0.0.1:${port}`];
    const where = before === undefined ? {} : { directory: before.directory };
    const safekeeper = await SafekeeperProcess.start(this.#files.safekeeperDirectories, {
      flags: ["--no-sync", ...again],
      ...where,
    });
    this.safekeepers[index] = safekeeper;
    this.ports[index] = safekeeper.pgPort;
    this.#dead.delete(index);
  }

  async killSafekeeper(index: number): Promise<void> {
    this.#dead.add(index);
    await this.safekeepers[index]?.kill("SIGKILL");
  }

  isAlive(index: number): boolean {
    return !this.#dead.has(index);
  }

  livingPorts(): number[] {
    return this.ports.filter((_port, index) => !this.#dead.has(index));
  }

  /** `flush_lsn commit_lsn` of each safekeeper. */
  async walEnds(): Promise<string[]> {
    const statuses = await Promise.all(this.safekeepers.map((safekeeper) => safekeeper.timelineStatus(this.id)));
    return statuses.map((status) => `${String(status["flush_lsn"])} ${String(status["commit_lsn"])}`);
  }

  #options(more: Partial<ComputeProcessOptions>) {
    const pageserverPort = this.pageserver?.port ?? 0;
    const { directory } = this.#files;
    return { directory, id: this.id, pageserverPort, safekeeperPorts: this.ports, ...more };
  }

  async spawnCompute(more: Partial<ComputeProcessOptions> = {}): Promise<ComputeProcess> {
    const compute = await ComputeProcess.spawn(this.#options(more));
    this.computes.push(compute);
    return compute;
  }

  async startCompute(more: Partial<ComputeProcessOptions> = {}): Promise<ComputeProcess> {
    const compute = await this.spawnCompute(more);
    await compute.untilStatus("running");
    return compute;
  }

  /** A hot standby with the settings that neon_local gives it. */
  startReplica(conf: string[] = []): Promise<ComputeProcess> {
    const { tenantId, timelineId } = this.id;
    const hosts = this.ports.map(() => "localhost").join(",");
    const options = `-c timeline_id=${timelineId} tenant_id=${tenantId}`;
    const conninfo = `host=${hosts} port=${this.ports.join(",")} options=''${options}'' application_name=replica replication=true`;
    return this.startCompute({
      spec: { mode: "Replica", safekeeper_connstrings: [] },
      conf: [
        ...[`primary_conninfo='${conninfo}'`, `primary_slot_name='repl_${timelineId}_'`, "hot_standby=on"],
        ...["synchronous_standby_names=''", "wal_retrieve_retry_interval=100ms", ...conf],
      ],
    });
  }

  /** Ends what belongs to the timeline; the safekeepers go on. */
  async dropTimeline(): Promise<void> {
    await Promise.all(this.computes.splice(0).map((compute) => compute.destroy()));
    await this.pageserver?.close();
  }

  async destroy(): Promise<void> {
    await this.dropTimeline();
    await Promise.all(this.safekeepers.map((safekeeper) => safekeeper.kill("SIGKILL")));
  }
}
