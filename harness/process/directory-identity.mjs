import { lstatSync } from "node:fs";

/** What tells a directory from one that is made at the same path later; undefined when there is none. */
export function directoryIdentity(path) {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts === undefined ? undefined : `${facts.dev}:${facts.ino}:${facts.birthtimeMs}`;
}
