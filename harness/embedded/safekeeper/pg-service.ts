import { Lsn, TenantId, TimelineId } from "../../types";
import type { PgServerConnection, PgServerHandler, ProposerGreeting } from "../../wire";
import { PgError } from "../../wire";
import { checkTenantPermission, errorText, type Logger } from "../service";
import type { PgTokens } from "../service/pg-tokens";
import type { TenantTimelineId } from "./acceptor-state";
import { formatTtid, newAcceptorState, newProgress } from "./acceptor-state";
import { type Command, parseCommand, parseStartupOptions } from "./commands";
import type { SafekeeperMetrics } from "./metrics";
import type { Timeline } from "./timeline";
import type { TimelineMap } from "./timeline-map";
import { WalReceiver } from "./wal-receiver";
import { type EndOfStream, WalSender } from "./wal-sender";

const COMMAND_NAMES: Record<Command["kind"], string> = {
  startWalPush: "START_WAL_PUSH",
  startReplication: "START_REPLICATION",
  identifySystem: "IDENTIFY_SYSTEM",
  timelineStatus: "TIMELINE_STATUS",
  setDatestyle: "SET",
};

const appnameOf = (conn: PgServerConnection): string => conn.parameters.get("application_name") ?? "";

/** Recovery reads what other safekeepers lack, committed or not. */
const readsUncommitted = (appname: string): boolean =>
  appname === "wal_proposer_recovery" || appname.startsWith("safekeeper");

/** The safekeeper's side of the PostgreSQL protocol (neon-protocols §5). */
export class PgService implements PgServerHandler {
  readonly #timelines: TimelineMap;
  readonly #metrics: SafekeeperMetrics;
  readonly #log: Logger;
  readonly #tokens: PgTokens;
  readonly #ids = new WeakMap<PgServerConnection, TenantTimelineId>();

  constructor(parts: { timelines: TimelineMap; metrics: SafekeeperMetrics; log: Logger; tokens: PgTokens }) {
    this.#timelines = parts.timelines;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    this.#tokens = parts.tokens;
  }

  authenticate(conn: PgServerConnection, password: () => Promise<string>): Promise<void> {
    return this.#tokens.authenticate(conn, password);
  }

  startup(conn: PgServerConnection): void {
    const settings = parseStartupOptions(conn.parameters.get("options") ?? "");
    const tenant = settings.get("tenant_id");
    const timeline = settings.get("timeline_id");
    if (tenant === undefined) throw new PgError("tenantid is required", "XX000", { closeAfter: true });
    if (timeline === undefined) throw new PgError("timelineid is required", "XX000", { closeAfter: true });
    this.#metrics.traffic.watch(conn);
    this.#ids.set(conn, { tenantId: TenantId.parse(tenant), timelineId: TimelineId.parse(timeline) });
  }

  async query(conn: PgServerConnection, sql: string): Promise<void> {
    const id = this.#ids.get(conn);
    if (id === undefined) throw new PgError("tenantid is required");
    const log = this.#log.span("", { cid: conn.id, ttid: formatTtid(id), application_name: appnameOf(conn) });
    log.info(`got query ${JSON.stringify(sql)}`);
    try {
      const command = parseCommand(sql);
      const query = COMMAND_NAMES[command.kind];
      this.#metrics.queriesReceived.inc({ query });
      this.#tokens.check(conn, (claims) => checkTenantPermission(claims, "safekeeperdata", id.tenantId));
      await this.#run(conn, id, command, log);
      this.#metrics.queriesFinished.inc({ query });
    } catch (error) {
      log.info(`query handler for ${JSON.stringify(sql)} failed: ${errorText(error)}`);
      throw error;
    }
  }

  #run(conn: PgServerConnection, id: TenantTimelineId, command: Command, log: Logger): Promise<void> | void {
    switch (command.kind) {
      case "startWalPush":
        return this.#startWalPush(conn, id, command.allowTimelineCreation, log);
      case "startReplication":
        return this.#startReplication(conn, id, command, log);
      case "identifySystem":
        return this.#identifySystem(conn, id);
      case "timelineStatus":
        return this.#timelineStatus(conn, id);
      case "setDatestyle":
        return conn.sendCommandComplete("SELECT 1");
    }
  }

  #get(id: TenantTimelineId): Timeline {
    const timeline = this.#timelines.get(id);
    if (timeline === undefined) throw new PgError(`Timeline ${formatTtid(id)} was not found in global map`);
    return timeline;
  }

  async #startWalPush(conn: PgServerConnection, id: TenantTimelineId, mayCreate: boolean, log: Logger): Promise<void> {
    const stream = conn.startCopyBoth();
    const openTimeline = (greeting: ProposerGreeting): Promise<Timeline> => {
      if (formatTtid(greeting) !== formatTtid(id)) {
        throw new PgError(`greeting is for timeline ${formatTtid(greeting)}, the connection for ${formatTtid(id)}`);
      }
      if (!mayCreate) return Promise.resolve(this.#get(id));
      return this.#timelines.create({ state: newAcceptorState(id), progress: newProgress() });
    };
    await new WalReceiver({ connId: conn.id, stream, log: log.span("WAL receiver"), openTimeline }).run();
    stream.finish();
    conn.sendCommandComplete("START_WAL_PUSH");
  }

  async #startReplication(
    conn: PgServerConnection,
    id: TenantTimelineId,
    command: Extract<Command, { kind: "startReplication" }>,
    log: Logger,
  ): Promise<void> {
    const timeline = this.#get(id);
    await timeline.ensureResident();
    const appname = appnameOf(conn);
    const toFlush = command.term !== undefined || readsUncommitted(appname);
    const end: EndOfStream = toFlush
      ? { upTo: "flush", term: command.term ?? timeline.state.term }
      : { upTo: "commit" };
    const { start } = command;
    const sender = new WalSender({
      connId: conn.id,
      address: conn.remoteAddress,
      appname,
      timeline,
      start,
      end,
      stream: conn.startCopyBoth(),
      onPageserverFeedback: () => this.#metrics.pageserverFeedbacks.inc(),
    });
    log.info(`starting streaming from ${Lsn.format(start)} up to ${end.upTo}`);
    await sender.run();
    sender.options.stream.finish();
    conn.sendCommandComplete("START_STREAMING");
  }

  #identifySystem(conn: PgServerConnection, id: TenantTimelineId): void {
    const timeline = this.#get(id);
    const position = readsUncommitted(appnameOf(conn)) ? timeline.flushLsn : timeline.commitLsn;
    const row = [String(timeline.state.server.systemId), "1", Lsn.format(position), null];
    conn.sendRows(["systemid", "timeline", "xlogpos", "dbname"], [row], "IDENTIFY_SYSTEM");
  }

  #timelineStatus(conn: PgServerConnection, id: TenantTimelineId): void {
    const timeline = this.#timelines.get(id);
    const rows = timeline === undefined ? [] : [[Lsn.format(timeline.flushLsn), Lsn.format(timeline.commitLsn)]];
    conn.sendRows(["flush_lsn", "commit_lsn"], rows, "TIMELINE_STATUS");
  }
}
