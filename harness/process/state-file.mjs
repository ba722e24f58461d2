// The files in a run's state that other runs read at any time, while the run begins or ends: they are whole or not there.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function writeState(state, file, content) {
  const draft = join(state, `.${file}.${process.pid}`);
  writeFileSync(draft, JSON.stringify(content), { mode: 0o600 });
  renameSync(draft, join(state, file));
}

/** Undefined where the file, or the run, is not there (any more). */
export function readState(state, file) {
  try {
    return JSON.parse(readFileSync(join(state, file), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
