import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Reader } from "../../command/readers";

/** One of two systems that are compared: what its runs find in their environment. */
export interface Side {
  readonly text: string;
  /** Undefined takes a variable away. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const SETTING = /^[A-Z_][A-Z0-9_]*=/;

/** `this`, `embedded`, a directory of Neon's binaries, or settings such as `NEON_BIN=…,POSTGRES_DISTRIB_DIR=…`. */
export const side: Reader<Side> = {
  expects: "this (the environment as it is), embedded, a directory with a pageserver, or NAME=VALUE,NAME=VALUE",
  read: (text) => {
    if (text === "this") return { text, environment: {} };
    if (text === "embedded") {
      return { text, environment: { NEON_BIN: undefined, POSTGRES_DISTRIB_DIR: undefined, BUILD_TYPE: undefined } };
    }
    if (existsSync(join(text, "pageserver"))) return { text, environment: { NEON_BIN: resolve(text) } };
    return SETTING.test(text) ? { text, environment: settings(text) } : undefined;
  },
};

/** A comma is part of a value unless another NAME= follows. */
function settings(text: string): Record<string, string> {
  const parts = text.split(/,(?=[A-Z_][A-Z0-9_]*=)/);
  return Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]));
}
