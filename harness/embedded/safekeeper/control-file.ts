import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, TenantId, TimelineId } from "../../types";
import { hasErrorCode, jsonText, parseJson, writeFileDurably } from "../service";
import type { AcceptorState, Progress } from "./acceptor-state";
import { Mutex } from "./mutex";

const CONTROL_FILE_NAME = "safekeeper.control";
const FORMAT = "embedded-1";

/** The fields of `safekeeper --dump-control-file` (golden/run/91_control.json). */
export interface ControlFileBody {
  tenant_id: string;
  timeline_id: string;
  mconf: { generation: number; members: unknown[]; new_members: unknown };
  acceptor_state: { term: number | bigint; term_history: { term: number | bigint; lsn: string }[] };
  server: { pg_version: number; system_id: number | bigint; wal_seg_size: number };
  proposer_uuid: string;
  timeline_start_lsn: string;
  local_start_lsn: string;
  commit_lsn: string;
  backup_lsn: string;
  peer_horizon_lsn: string;
  remote_consistent_lsn: string;
  partial_backup: { segments: unknown[] };
  eviction_state: string;
  creation_ts: { secs_since_epoch: number; nanos_since_epoch: number };
}

export function controlFileBody(state: AcceptorState, progress: Progress): ControlFileBody {
  const { pgVersion, systemId, walSegSize } = state.server;
  return {
    tenant_id: state.tenantId,
    timeline_id: state.timelineId,
    mconf: { generation: 0, members: [], new_members: null },
    acceptor_state: {
      term: state.term,
      term_history: state.termHistory.map(({ term, lsn }) => ({ term, lsn: Lsn.format(lsn) })),
    },
    server: { pg_version: pgVersion, system_id: systemId, wal_seg_size: walSegSize },
    proposer_uuid: progress.proposerUuid,
    timeline_start_lsn: Lsn.format(state.timelineStartLsn),
    local_start_lsn: Lsn.format(state.localStartLsn),
    commit_lsn: Lsn.format(progress.commitLsn),
    backup_lsn: Lsn.format(progress.backupLsn),
    peer_horizon_lsn: Lsn.format(progress.peerHorizonLsn),
    remote_consistent_lsn: Lsn.format(progress.remoteConsistentLsn),
    partial_backup: { segments: [] },
    eviction_state: "Present",
    creation_ts: { secs_since_epoch: 0, nanos_since_epoch: 0 },
  };
}

export interface ControlFileContent {
  state: AcceptorState;
  progress: Progress;
}

function parseBody(body: ControlFileBody): ControlFileContent {
  const { acceptor_state: acceptor, server } = body;
  return {
    state: {
      tenantId: TenantId.parse(body.tenant_id),
      timelineId: TimelineId.parse(body.timeline_id),
      server: {
        pgVersion: server.pg_version,
        systemId: BigInt(server.system_id),
        walSegSize: server.wal_seg_size,
      },
      term: BigInt(acceptor.term),
      termHistory: acceptor.term_history.map(({ term, lsn }) => ({ term: BigInt(term), lsn: Lsn.parse(lsn) })),
      timelineStartLsn: Lsn.parse(body.timeline_start_lsn),
      localStartLsn: Lsn.parse(body.local_start_lsn),
    },
    progress: {
      commitLsn: Lsn.parse(body.commit_lsn),
      backupLsn: Lsn.parse(body.backup_lsn),
      peerHorizonLsn: Lsn.parse(body.peer_horizon_lsn),
      remoteConsistentLsn: Lsn.parse(body.remote_consistent_lsn),
      proposerUuid: body.proposer_uuid,
    },
  };
}

/** Throws an error that names the file when it is missing or bad. */
export async function readControlFileAt(path: string): Promise<ControlFileContent> {
  try {
    const content = parseJson(await readFile(path, "utf8")) as { format: string } & ControlFileBody;
    if (content.format !== FORMAT) throw new Error(`format ${content.format} is not ${FORMAT}`);
    return parseBody(content);
  } catch (error) {
    throw new Error(`could not read ${path}`, { cause: error });
  }
}

/** Undefined when the directory has no control file: its timeline was never fully created. Throws on a bad one. */
export async function readControlFile(directory: string): Promise<ControlFileContent | undefined> {
  try {
    return await readControlFileAt(join(directory, CONTROL_FILE_NAME));
  } catch (error) {
    if (hasErrorCode((error as Error).cause, "ENOENT")) return undefined;
    throw error;
  }
}

/** The control file of one timeline. What it holds changes only when the new content is on disk. */
export class ControlFile {
  readonly #path: string;
  readonly #sync: boolean;
  readonly #writes = new Mutex();
  #state: AcceptorState;
  readonly progress: Progress;
  #stored = "";

  constructor(directory: string, sync: boolean, content: ControlFileContent) {
    this.#path = join(directory, CONTROL_FILE_NAME);
    this.#sync = sync;
    this.#state = content.state;
    this.progress = content.progress;
  }

  get state(): AcceptorState {
    return this.#state;
  }

  /** Stores `next` and the current progress; the state is `next` once this resolves. */
  store(next: AcceptorState): Promise<void> {
    return this.#writes.run(() => this.#write(next));
  }

  /** Stores the progress if it moved since the last time. */
  storeProgress(): Promise<void> {
    return this.#writes.run(() => this.#write(this.#state));
  }

  async #write(next: AcceptorState): Promise<void> {
    const text = jsonText({ format: FORMAT, ...controlFileBody(next, this.progress) });
    if (text !== this.#stored) await this.#replace(text);
    this.#stored = text;
    this.#state = next;
  }

  async #replace(text: string): Promise<void> {
    if (this.#sync) return writeFileDurably(this.#path, text);
    await writeFile(`${this.#path}.___temp`, text);
    await rename(`${this.#path}.___temp`, this.#path);
  }
}
