import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { ObjectVersion, Upload, UploadedPart, Versioning } from "./types";

/** Every change of the server's state; applying them in order gives the state. */
export type Change =
  | { type: "bucket"; bucket: string; region: string; at: number }
  | { type: "bucket-gone"; bucket: string }
  | { type: "versioning"; bucket: string; versioning: Versioning }
  /** Versions of a key that go, and one that comes first; `in-place` puts it where the one that goes was. */
  | { type: "object"; bucket: string; key: string; drop: readonly string[]; add?: ObjectVersion; inPlace?: true }
  | { type: "upload"; bucket: string; upload: Omit<Upload, "parts"> }
  | { type: "part"; bucket: string; uploadId: string; part: UploadedPart }
  | { type: "upload-gone"; bucket: string; uploadId: string };

/** The changes as lines of JSON in a file. What a killed server had written, it finds again. */
export class Journal {
  readonly #path: string;
  #file: number;

  private constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "a");
  }

  static open(path: string): { journal: Journal; changes: Change[] } {
    const changes = existsSync(path) ? readChanges(path) : [];
    return { journal: new Journal(path), changes };
  }

  append(change: Change): void {
    writeSync(this.#file, `${JSON.stringify(change)}\n`);
  }

  /** Begins anew with only these changes; a crash meanwhile leaves the old file. */
  rewrite(changes: Iterable<Change>): void {
    const temporary = `${this.#path}.new`;
    const file = openSync(temporary, "w");
    let text = "";
    for (const change of changes) {
      text += `${JSON.stringify(change)}\n`;
      if (text.length > 1_000_000) {
        writeSync(file, text);
        text = "";
      }
    }
    writeSync(file, text);
    renameSync(temporary, this.#path);
    closeSync(this.#file);
    this.#file = file;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** A line that was cut off by a crash is the last one, and nobody was told that it happened. */
function readChanges(path: string): Change[] {
  const text = readFileSync(path, "utf8");
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Change);
}
