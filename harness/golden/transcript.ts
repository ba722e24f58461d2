import { readFileSync } from "node:fs";

/** One block of a transcript: the command after `== ` and what psql printed for it. */
export interface RecordedCommand {
  command: string;
  outcome: string;
}

/** Reads a transcript of psql; the outcome is in the words of `outcomeOf`. */
export function readTranscript(path: string): RecordedCommand[] {
  const blocks = readFileSync(path, "utf8").split(/^== /m).slice(1);
  return blocks.map((block) => {
    const end = block.indexOf("\n");
    return { command: block.slice(0, end), outcome: recordedOutcome(block.slice(end + 1)) };
  });
}

function recordedOutcome(text: string): string {
  const error = /^ERROR: {2}(?:[0-9A-Z]{5}: )?(.*)$/m.exec(text);
  if (error !== null) return `error ${error[1]?.trimEnd()}`;
  if (text.includes("unexpected PQresultStatus: 8")) return "COPY BOTH";
  const rows = /^(.*)\n[-+]+\n[^]*\((\d+) rows?\)/.exec(text);
  if (rows === null) return text.trim();
  const columns = (rows[1] ?? "").split("|").map((column) => column.trim());
  return `${rows[2]} rows of ${columns.join(", ")}`;
}
