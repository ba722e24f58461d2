import { readFileSync } from "node:fs";
import type { PagestreamVersion } from "../wire";

/** One request of the recorded pagestream sessions and what answered it. */
export interface RecordedPageRequest {
  version: PagestreamVersion;
  label: string;
  /** Hexadecimal, as it was sent. */
  request: string;
  /** In the words of `describeAnswer`. */
  answer: string;
}

/** Reads `53_pagestream_bytes.txt`; sessions of other kinds than `### v2` and `### v3` are left out. */
export function readPagestreamTranscript(path: string): RecordedPageRequest[] {
  const sessions = readFileSync(path, "utf8").split(/^### /m);
  return sessions.flatMap((session) => {
    const version = /^v([23])\n/.exec(session)?.[1];
    return version === undefined ? [] : requestsOf(session, version === "2" ? 2 : 3);
  });
}

function requestsOf(session: string, version: PagestreamVersion): RecordedPageRequest[] {
  const exchange = /^> (?<label>[^\n]+): (?<request>[0-9a-f]+)\n< (?<answer>[^\n]*)/gm;
  return [...session.matchAll(exchange)].map(({ groups }) => ({
    version,
    label: groups?.["label"] ?? "",
    request: groups?.["request"] ?? "",
    answer: recordedAnswer(groups?.["answer"] ?? "", version),
  }));
}

/** How many bytes a version puts between the type and an error's text: reqid, both LSNs (neon-protocols §4.1). */
const errorPrefix = (version: PagestreamVersion): number => (version === 2 ? 1 : 25);

function recordedAnswer(line: string, version: PagestreamVersion): string {
  const error = /^E .*\|M([^|]*)\|/.exec(line)?.[1];
  if (error !== undefined) return `error response ${error}`;
  const data = /^d len=(\d+) ([0-9a-f]{2})[0-9a-f]*…? ?(?:"(.*)")?/.exec(line);
  const [, length = "0", type = "00", text] = data ?? [];
  if (type === "67") return `error ${(text ?? "").slice(errorPrefix(version), -1)}`;
  return `type ${type}, ${length} bytes`;
}

/** What one pagestream message says, without the page itself. */
export function describeAnswer(payload: Buffer, version: PagestreamVersion): string {
  const type = payload.subarray(0, 1).toString("hex");
  if (type === "67") return `error ${payload.subarray(errorPrefix(version), -1).toString()}`;
  return `type ${type}, ${payload.length} bytes`;
}
