import { Lsn } from "../../types";
import { PgError } from "../../wire";

export type Command =
  | { kind: "startWalPush"; allowTimelineCreation: boolean }
  | { kind: "startReplication"; start: Lsn; term: bigint | undefined }
  | { kind: "identifySystem" }
  | { kind: "timelineStatus" }
  | { kind: "setDatestyle" };

const START_WAL_PUSH = /^\s*START_WAL_PUSH\s*(?:\(([^)]*)\))?\s*;?\s*$/i;
const START_REPLICATION = /^\s*START_REPLICATION(?:\s+SLOT\s+\S+)?(?:\s+PHYSICAL)?\s+([0-9A-F]+\/[0-9A-F]+)(.*)$/is;
const TERM = /\(\s*term\s*=\s*'(\d+)'\s*\)/i;
const OPTION = /^(\w+)\s+'([^']*)'$/;

function parseWalPush(optionList: string | undefined): Command {
  const options = new Map<string, string>();
  for (const item of (optionList ?? "").split(",").map((part) => part.trim())) {
    if (item === "") continue;
    const [, name, value] = OPTION.exec(item) ?? [];
    if (name === undefined || value === undefined) throw new PgError(`invalid START_WAL_PUSH option ${item}`);
    options.set(name, value);
  }
  const version = options.get("proto_version") ?? "2";
  if (version !== "2") throw new PgError(`unsupported proto_version ${version}, expected 2`);
  return { kind: "startWalPush", allowTimelineCreation: options.get("allow_timeline_creation") !== "false" };
}

/** Throws PgError `unsupported command …`. */
export function parseCommand(sql: string): Command {
  const push = START_WAL_PUSH.exec(sql);
  if (push !== null) return parseWalPush(push[1]);
  const replication = START_REPLICATION.exec(sql);
  if (replication?.[1] !== undefined) {
    const term = TERM.exec(replication[2] ?? "")?.[1];
    return {
      kind: "startReplication",
      start: Lsn.parse(replication[1]),
      term: term === undefined ? undefined : BigInt(term),
    };
  }
  if (/^\s*IDENTIFY_SYSTEM\b/i.test(sql)) return { kind: "identifySystem" };
  if (/^\s*TIMELINE_STATUS\b/i.test(sql)) return { kind: "timelineStatus" };
  if (/^\s*set\s+datestyle\s+to\b/i.test(sql)) return { kind: "setDatestyle" };
  throw new PgError(`unsupported command ${sql}`);
}

/** The settings of a startup packet's `options`: `-c timeline_id=… tenant_id=…`. */
export function parseStartupOptions(options: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const word of options.split(/\s+/)) {
    const equals = word.indexOf("=");
    if (equals > 0) settings.set(word.slice(0, equals).replace(/^-c|^--/, ""), word.slice(equals + 1));
  }
  return settings;
}
