import { Lsn } from "../../../types";
import { PgError, type PgServerConnection, type PgServerHandler } from "../../../wire";
import { checkTenantPermission, failpoint, type JwtAuth } from "../../service";
import { PgTokens } from "../../service/pg-tokens";
import type { TenantManager } from "../tenants/tenant-manager";
import type { Timeline } from "../timeline/timeline";
import {
  findForRequest,
  findOnShard,
  findTimeline,
  parseIds,
  parseShardId,
  parseTimelineId,
  type TimelineName,
} from "./find-timeline";
import { stats } from "../stats";
import { servePagestream } from "./pagestream";
import { neonBackup } from "../backup/neon-backup";
import { stockBackup } from "../backup/stock-backup";
import { stockWal } from "../backup/stock-wal";

/** Commands by the names that Neon counts them under. */
const COUNTED: Readonly<Record<string, keyof typeof stats.computeCommands>> = {
  pagestream_v2: "PageStreamV2",
  pagestream_v3: "PageStreamV3",
  basebackup: "Basebackup",
  fullbackup: "Fullbackup",
  lease: "LeaseLsn",
  set: "Set",
};

type Command = (connection: PgServerConnection, rest: string) => Promise<void>;

/** The libpq side of the pageserver (neon-protocols §4). */
export class PageService implements PgServerHandler {
  readonly #manager: TenantManager;
  readonly #commands: ReadonlyMap<string, Command>;

  readonly #ready: Promise<void>;
  readonly #tokens: PgTokens;

  /** Clients may connect at once, but are served only when `ready` has resolved. */
  constructor(manager: TenantManager, ready: Promise<void>, auth: JwtAuth | undefined) {
    this.#manager = manager;
    this.#ready = ready;
    this.#tokens = new PgTokens(auth);
    this.#commands = new Map<string, Command>([
      ["pagestream_v2", (connection, rest) => this.#pagestream(connection, 2, rest)],
      ["pagestream_v3", (connection, rest) => this.#pagestream(connection, 3, rest)],
      ["basebackup", (connection, rest) => this.#neonBackup(connection, "basebackup", rest)],
      ["fullbackup", (connection, rest) => this.#neonBackup(connection, "fullbackup", rest)],
      ["stockbackup", (connection, rest) => this.#stockBackup(connection, rest)],
      ["stockwal", (connection, rest) => this.#stockWal(connection, rest)],
      ["lease", (connection, rest) => this.#lease(connection, rest)],
      ["set", async (connection) => connection.sendCommandComplete("SELECT 1")],
    ]);
  }

  async authenticate(connection: PgServerConnection, password: () => Promise<string>): Promise<void> {
    await failpoint("ps::connection-start::pre-login");
    await this.#tokens.authenticate(connection, password);
  }

  async startup(connection: PgServerConnection): Promise<void> {
    stats.connectionsStarted += 1;
    connection.closed.addEventListener("abort", () => (stats.connectionsFinished += 1), { once: true });
    await failpoint("ps::connection-start::startup-packet");
    await this.#ready;
  }

  async query(connection: PgServerConnection, sql: string): Promise<void> {
    await failpoint("ps::connection-start::process-query");
    // Neon ends such a connection without a word.
    if ((await failpoint("simulated-bad-compute-connection")) !== undefined) return connection.destroy();
    const text = sql.trim().replace(/;$/, "");
    const [, word, rest] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
    if (word === undefined || rest === undefined) throw new PgError(`cannot parse query: ${text}`);
    const command = this.#commands.get(word.toLowerCase());
    const name = COUNTED[word.toLowerCase()];
    if (name !== undefined) stats.computeCommands[name] += 1;
    if (command === undefined) throw new PgError(`unsupported command ${word} in ${text}`);
    await command(connection, rest);
  }

  async #pagestream(connection: PgServerConnection, version: 2 | 3, rest: string): Promise<void> {
    const [tenant, timeline, ...more] = words(rest);
    if (tenant === undefined || timeline === undefined || more.length > 0) {
      throw new PgError(`invalid number of parameters for pagestream command: ${rest}`);
    }
    const name = this.#permitted(connection, parseIds(tenant, timeline));
    const { images } = this.#manager.node;
    await this.#manager.whileAttaching(name.tenantId, connection.closed);
    await servePagestream({
      connection,
      version,
      images,
      timeline: (request) => findForRequest(this.#manager, name, request),
      notFound: `Not found: Timeline ${name.tenantId}/${name.timelineId} was not found`,
    });
  }

  async #stockBackup(connection: PgServerConnection, rest: string): Promise<void> {
    const [tenant, timeline, lsn, ...more] = words(rest);
    if (tenant === undefined || timeline === undefined || more.length > 0) {
      throw new PgError(`invalid number of parameters for stockbackup command: ${rest}`);
    }
    const found = await this.#find(connection, parseIds(tenant, timeline));
    await stockBackup(connection, found, lsn === undefined || lsn === "latest" ? undefined : parseLsn(lsn));
  }

  async #stockWal(connection: PgServerConnection, rest: string): Promise<void> {
    const [tenant, timeline, from, to, ...more] = words(rest);
    if (tenant === undefined || timeline === undefined || from === undefined || to === undefined || more.length > 0) {
      throw new PgError(`invalid number of parameters for stockwal command: ${rest}`);
    }
    await stockWal(connection, await this.#find(connection, parseIds(tenant, timeline)), parseLsn(from), parseLsn(to));
  }

  async #neonBackup(connection: PgServerConnection, command: string, rest: string): Promise<void> {
    const all = words(rest);
    const [tenant, timeline, ...more] = all.filter((word) => !word.startsWith("--"));
    if (tenant === undefined || timeline === undefined) {
      throw new PgError(`invalid number of parameters for ${command} command: ${rest}`);
    }
    const [lsn, prevRecordLsn] = more.map((word) => (word === "latest" ? undefined : parseLsn(word)));
    const found = await this.#find(connection, parseIds(tenant, timeline));
    await neonBackup(connection, found, this.#manager.node.images, {
      lsn,
      prevRecordLsn,
      full: command === "fullbackup",
      gzip: all.includes("--gzip"),
    });
  }

  async #lease(connection: PgServerConnection, rest: string): Promise<void> {
    const [subject, tenant, timeline, lsn, ...more] = words(rest);
    if (subject?.toLowerCase() !== "lsn") throw new PgError(`unsupported command lease in lease ${rest}`);
    if (tenant === undefined || timeline === undefined || lsn === undefined || more.length > 0) {
      throw new PgError(`invalid number of parameters for lease lsn command: ${words(rest).slice(1).join(" ")}`);
    }
    const id = parseShardId(tenant);
    const name = this.#permitted(connection, { tenantId: id.tenantId, timelineId: parseTimelineId(timeline) });
    await this.#manager.whileAttaching(name.tenantId, connection.closed);
    const found =
      id.shardCount === 0 ? findTimeline(this.#manager, name) : findOnShard(this.#manager, id, name.timelineId);
    if (found === undefined) throw new PgError("not found");
    const [at, lengthMs] = [parseLsn(lsn), found.conf().milliseconds("lsn_lease_length")];
    // What was collected already cannot be promised; Neon answers as if it could.
    const isGone = at < found.latestGcCutoffLsn && !found.leases.holds(at);
    const validUntil = isGone ? Date.now() + lengthMs : found.leases.make(at, lengthMs);
    connection.sendRows(["valid_until"], [[String(validUntil)]]);
  }

  #permitted(connection: PgServerConnection, name: TimelineName): TimelineName {
    this.#tokens.check(connection, (claims) => checkTenantPermission(claims, "pageserverapi", name.tenantId));
    return name;
  }

  async #find(connection: PgServerConnection, name: TimelineName): Promise<Timeline> {
    this.#permitted(connection, name);
    await this.#manager.whileAttaching(name.tenantId, connection.closed);
    const timeline = findTimeline(this.#manager, name);
    if (timeline === undefined) throw new PgError("not found");
    return timeline;
  }
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

function parseLsn(text: string): Lsn {
  try {
    return Lsn.parse(text);
  } catch {
    throw new PgError(`Failed to parse Lsn from ${text}`);
  }
}
