import { open } from "node:fs/promises";
import { errnoOf } from "../types";
import { pollUntil } from "./poll-until";
import type { PollAttempt } from "./poll-until";
import type { Readiness } from "./readiness";

const CHUNK_BYTES = 64 * 1024;

/** A line of the log matches. With the process that writes it, only lines of its present start count. */
export function log(path: string, pattern: RegExp): Readiness {
  const name = `a line of ${path} matches ${pattern}`;
  const matcher = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return {
    name,
    wait: async (context) => {
      const reader = new LineReader(path, context.process?.logPath === path ? context.process.logStart : 0);
      const probe = async ({ observed }: PollAttempt) => {
        const { lines, last } = await reader.next();
        observed(last === undefined ? "no line yet" : `last line: ${last}`);
        return lines.some((line) => matcher.test(line));
      };
      await pollUntil(name, probe, { ...context, logPath: path });
    },
  };
}

/** Reads on from where it stopped; the unfinished last line is offered again when it has grown. */
class LineReader {
  readonly #path: string;
  #offset: number;
  #unfinished = Buffer.alloc(0);
  #last: string | undefined;

  constructor(path: string, offset: number) {
    this.#path = path;
    this.#offset = offset;
  }

  async next(): Promise<{ lines: string[]; last: string | undefined }> {
    const bytes = Buffer.concat([this.#unfinished, await this.#readOn()]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#unfinished = bytes.subarray(end);
    const lines = bytes.toString("utf8").split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.#last = lines.at(-1) ?? this.#last;
    return { lines, last: this.#last };
  }

  async #readOn(): Promise<Buffer> {
    const file = await open(this.#path, "r").catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (file === undefined) return Buffer.alloc(0);
    try {
      const chunks: Buffer[] = [];
      for (;;) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, this.#offset);
        if (bytesRead === 0) return Buffer.concat(chunks);
        chunks.push(buffer.subarray(0, bytesRead));
        this.#offset += bytesRead;
      }
    } finally {
      await file.close();
    }
  }
}
