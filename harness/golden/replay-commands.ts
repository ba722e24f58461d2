import { join } from "node:path";
import { ConnectionError, PgConnection, PgError, ProtocolError } from "../wire";
import type { CallGroup, CallResult } from "./difference";
import type { Stage } from "./stage";
import { readTranscript } from "./transcript";
import type { RecordedCommand } from "./transcript";
import type { Translation } from "./translate";
import { withoutVolatile } from "./volatile";

interface Service {
  group: CallGroup;
  file: string;
  port: number;
  /** The `options` that the session starts with, for one command of the transcript. */
  options(command: string): string | undefined;
  /** What is sent, where the transcript names the case and not the command. */
  query(command: string): string;
}

const CUT_OFF = "the recording was cut off while the pageserver waited for the LSN";

/** The psql transcripts of the page service and of the safekeeper's WAL service. */
export async function replayCommands(directory: string, stage: Stage, translation: Translation): Promise<CallResult[]> {
  const results: CallResult[] = [];
  for (const service of servicesOf(stage, translation)) {
    for (const recorded of readTranscript(join(directory, "run", service.file))) {
      results.push(await replayOne(service, recorded));
    }
  }
  return results;
}

function servicesOf(stage: Stage, translation: Translation): Service[] {
  const ids = (timelineId: string): string => `-c tenant_id=${stage.tenantId} timeline_id=${timelineId}`;
  const safekeeperOptions = (command: string): string | undefined => {
    if (command === "no ids") return undefined;
    return ids(command === "unknown tl" ? "9".repeat(32) : stage.timelineId);
  };
  return [
    {
      ...{ group: "page service", file: "51_pgcommands.txt", port: translation.port(56_051) },
      options: () => undefined,
      query: (command) => translation.text(command),
    },
    {
      ...{ group: "WAL service", file: "52_sk_pgcommands.txt", port: translation.port(56_021) },
      options: safekeeperOptions,
      query: (command) => (/^(no ids|unknown tl)$/.test(command) ? "IDENTIFY_SYSTEM" : translation.text(command)),
    },
  ];
}

async function replayOne(service: Service, recorded: RecordedCommand): Promise<CallResult> {
  const name = recorded.command === "" ? "(empty command)" : recorded.command;
  const result = { name, group: service.group, differences: [] };
  if (recorded.outcome === "") return { ...result, notReplayed: CUT_OFF };
  const expected = withoutVolatile(recorded.outcome);
  const found = withoutVolatile(await outcomeOf(service, recorded.command));
  if (found === expected) return result;
  return { ...result, differences: [{ call: name, recorded: expected, came: found }] };
}

/** `error …`, `N rows of …`, `COPY BOTH`, or the command's tag. */
async function outcomeOf(service: Service, command: string): Promise<string> {
  const options = service.options(command);
  const parameters = options === undefined ? {} : { parameters: { options } };
  let connection: PgConnection | undefined;
  try {
    connection = await PgConnection.connect({ host: "127.0.0.1", port: service.port, ...parameters });
    const { columns, rows, tag } = await connection.query(service.query(command));
    return columns.length === 0 ? tag : `${rows.length} rows of ${columns.join(", ")}`;
  } catch (error) {
    if (error instanceof PgError) return `error ${error.message}`;
    if (error instanceof ProtocolError) return "COPY BOTH";
    if (error instanceof ConnectionError) return "connection closed";
    throw error;
  } finally {
    connection?.destroy();
  }
}
