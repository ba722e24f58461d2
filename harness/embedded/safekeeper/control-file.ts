import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Lsn, TenantId, TimelineId } from "../../types";
import { hasErrorCode, jsonText, parseJson, writeFileDurably } from "../service";
import type { AcceptorState, MembershipConf, PartialSegment, Progress } from "./acceptor-state";
import { crc32c } from "../wal/crc32c";
import { Mutex } from "./mutex";

const CONTROL_FILE_NAME = "safekeeper.control";
const FORMAT = "embedded-2";

/** The fields of `safekeeper --dump-control-file` (golden/run/91_control.json). */
export interface ControlFileBody {
  tenant_id: string;
  timeline_id: string;
  mconf: MembershipConf;
  acceptor_state: { term: number | bigint; term_history: { term: number | bigint; lsn: string }[] };
  server: { pg_version: number; system_id: number | bigint; wal_seg_size: number };
  proposer_uuid: string;
  timeline_start_lsn: string;
  local_start_lsn: string;
  commit_lsn: string;
  backup_lsn: string;
  peer_horizon_lsn: string;
  remote_consistent_lsn: string;
  partial_backup: {
    segments: {
      status: PartialSegment["status"];
      name: string;
      commit_lsn: string;
      flush_lsn: string;
      term: number | bigint;
    }[];
  };
  eviction_state: "Present" | { Offloaded: string };
  creation_ts: { secs_since_epoch: number; nanos_since_epoch: number };
}

export function controlFileBody(state: AcceptorState, progress: Progress): ControlFileBody {
  const { pgVersion, systemId, walSegSize } = state.server;
  return {
    tenant_id: state.tenantId,
    timeline_id: state.timelineId,
    mconf: state.mconf,
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
    partial_backup: {
      segments: progress.partialSegments.map(({ status, name, commitLsn, flushLsn, term }) => ({
        ...{ status, name, term },
        ...{ commit_lsn: Lsn.format(commitLsn), flush_lsn: Lsn.format(flushLsn) },
      })),
    },
    eviction_state: progress.offloadedAt === undefined ? "Present" : { Offloaded: Lsn.format(progress.offloadedAt) },
    creation_ts: { secs_since_epoch: 0, nanos_since_epoch: 0 },
  };
}

const checksumOf = (json: string): string => crc32c(Buffer.from(json)).toString(16);

/** The whole content of a control file: a line of JSON, and its CRC-32C. */
export function controlFileText(state: AcceptorState, progress: Progress): string {
  const json = jsonText({ format: FORMAT, ...controlFileBody(state, progress) });
  return `${json}\n${checksumOf(json)}\n`;
}

/** A vote or a position that came out of a damaged file would be worse than none. */
function parseControlFile(text: string): ControlFileContent {
  const [json = "", checksum] = text.split("\n");
  if (checksum !== checksumOf(json)) throw new Error("the control file is damaged: wrong checksum");
  const content = parseJson(json) as { format: string } & ControlFileBody;
  if (content.format !== FORMAT) throw new Error(`format ${content.format} is not ${FORMAT}`);
  return parseControlFileBody(content);
}

export interface ControlFileContent {
  state: AcceptorState;
  progress: Progress;
}

/** What a control file in this form says. Throws when a value is none. */
export function parseControlFileBody(body: ControlFileBody): ControlFileContent {
  const { acceptor_state: acceptor, server } = body;
  return {
    state: {
      tenantId: TenantId.parse(body.tenant_id),
      timelineId: TimelineId.parse(body.timeline_id),
      mconf: body.mconf,
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
      partialSegments: body.partial_backup.segments.map((segment) => ({
        status: segment.status,
        name: segment.name,
        commitLsn: Lsn.parse(segment.commit_lsn),
        flushLsn: Lsn.parse(segment.flush_lsn),
        term: BigInt(segment.term),
      })),
      offloadedAt: body.eviction_state === "Present" ? undefined : Lsn.parse(body.eviction_state.Offloaded),
    },
  };
}

/** Throws an error that names the file when it is missing or bad. */
export async function readControlFileAt(path: string): Promise<ControlFileContent> {
  try {
    return parseControlFile(await readFile(path, "utf8"));
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
    const text = controlFileText(next, this.progress);
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
