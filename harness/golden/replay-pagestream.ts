import { join } from "node:path";
import { Lsn } from "../types";
import { PgConnection, PgError } from "../wire";
import type { CopyBothStream } from "../wire";
import type { CallResult } from "./difference";
import { describeAnswer, readPagestreamTranscript } from "./pagestream-transcript";
import type { RecordedPageRequest } from "./pagestream-transcript";
import type { Stage } from "./stage";
import type { Translation } from "./translate";
import { withoutVolatile } from "./volatile";

/** The LSN at which the recorded pages were asked for, as it stands in the requests, and one below it. */
const RECORDED_LSN = 0x14ec430n;
const BEFORE_LSN = 0x14ec428n;

/** Sends the recorded requests, byte by byte but for the LSN, each in a session of its own. */
export async function replayPagestream(
  directory: string,
  stage: Stage,
  translation: Translation,
): Promise<CallResult[]> {
  const lsn = Lsn.parse(translation.lastRecordLsn);
  const results: CallResult[] = [];
  for (const recorded of readPagestreamTranscript(join(directory, "run", "53_pagestream_bytes.txt"))) {
    const name = `pagestream_v${recorded.version} ${recorded.label}`;
    const expected = withoutVolatile(recorded.answer);
    const found = withoutVolatile(await ask(recorded, stage, requestAt(recorded, lsn)));
    const differences = found === expected ? [] : [{ call: name, recorded: expected, came: found }];
    results.push({ name, group: "page service", differences });
  }
  return results;
}

function requestAt(recorded: RecordedPageRequest, lsn: Lsn): Buffer {
  const hex = (value: bigint): string => value.toString(16).padStart(16, "0");
  const text = recorded.request.replaceAll(hex(RECORDED_LSN), hex(lsn)).replaceAll(hex(BEFORE_LSN), hex(lsn - 8n));
  return Buffer.from(text, "hex");
}

async function ask(recorded: RecordedPageRequest, stage: Stage, request: Buffer): Promise<string> {
  const { pageserver, tenantId, timelineId } = stage;
  const connection = await PgConnection.connect({ host: "127.0.0.1", port: pageserver.pgPort });
  try {
    const stream = await connection.copyBoth(`pagestream_v${recorded.version} ${tenantId} ${timelineId}`);
    stream.write(request);
    return await firstAnswer(stream, recorded);
  } finally {
    connection.destroy();
  }
}

async function firstAnswer(stream: CopyBothStream, recorded: RecordedPageRequest): Promise<string> {
  try {
    for await (const payload of stream) return describeAnswer(payload, recorded.version);
    return "end of the stream";
  } catch (error) {
    if (error instanceof PgError) return `error response ${error.message}`;
    throw error;
  }
}
