import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HarnessError } from "../types";

/** The kinds of node that answers were recorded of. */
export type RecordedNode = "pageserver" | "storage_controller" | "safekeeper" | "compute_ctl";

/** One HTTP call as it was recorded: `http/<name>.txt`. */
export interface RecordedCall {
  name: string;
  node: RecordedNode;
  /** Port of the recorded node; it stands for one of ours. */
  port: number;
  method: string;
  /** With the query. */
  path: string;
  body: string;
  /** 0 where the node closed the connection without an answer. */
  status: number;
  contentType: string | undefined;
  answer: string;
}

/** A call that INDEX.md names and that has no file. */
export interface UnrecordedCall {
  name: string;
  group: RecordedNode;
}

export interface RecordedCalls {
  calls: RecordedCall[];
  unrecorded: UnrecordedCall[];
}

const NODES: Record<string, RecordedNode> = {
  ps: "pageserver",
  sc: "storage_controller",
  sk: "safekeeper",
  cc: "compute_ctl",
};

/** All calls of `http/INDEX.md`, in the order of the recording. Throws BAD_ARGUMENT when a file reads otherwise. */
export function readRecordedCalls(directory: string): RecordedCalls {
  const index = readFileSync(join(directory, "http", "INDEX.md"), "utf8");
  const found: RecordedCalls = { calls: [], unrecorded: [] };
  for (const [, name = ""] of index.matchAll(/^(\w+): (?:GET|PUT|POST|PATCH|DELETE) /gm)) {
    const node = NODES[name.slice(0, 2)] ?? "pageserver";
    const text = readText(join(directory, "http", `${name}.txt`));
    if (text === undefined) found.unrecorded.push({ name, group: node });
    else found.calls.push({ name, node, ...parseCall(name, text) });
  }
  return found;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The index names calls whose answers were not kept.
    return undefined;
  }
}

function parseCall(name: string, text: string): Omit<RecordedCall, "name" | "node"> {
  const match =
    /^(?<method>[A-Z]+) http:\/\/[^/:]+:(?<port>\d+)(?<path>\/\S*)\nBODY (?<body>.*)\n-> (?<status>\d+) in [^\n]*\n(?<headers>\{.*\})\n\n?(?<answer>[^]*)$/.exec(
      text,
    )?.groups;
  if (match === undefined) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: `http/${name}.txt is no recorded answer`,
      expected: "request line, BODY, status line, headers, body",
      found: text.slice(0, 200),
    });
  }
  const headers = JSON.parse(match["headers"] ?? "{}") as Record<string, string>;
  return {
    method: match["method"] ?? "",
    port: Number(match["port"]),
    path: match["path"] ?? "",
    body: match["body"] ?? "",
    status: Number(match["status"]),
    contentType: headers["content-type"],
    answer: (match["answer"] ?? "").replace(/\n$/, ""),
  };
}
