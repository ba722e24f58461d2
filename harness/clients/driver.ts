import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HarnessError, messageOfUnknown } from "../types";
import { CHECKS } from "./checks";
import type { CheckName } from "./checks";

const MANIFEST = "client.json";

export type Command = readonly [string, ...string[]];

/** A program that the host must have, and how it tells its version. */
export interface Tool {
  readonly command: Command;
  /** The least version, e.g. `3.9`; the first number with a dot in its output is taken. */
  readonly atLeast?: string;
}

/** What a driver's client.json says. Commands run in a copy of its folder. */
interface Manifest {
  readonly tools: readonly Tool[];
  /** How to get the tools. */
  readonly get: string;
  /** The files that pin what `fetch` brings. */
  readonly lock: readonly string[];
  /** Brings what only a registry has. */
  readonly fetch: readonly Command[];
  /** Needs no registry any more. */
  readonly build: readonly Command[];
  readonly run: Command;
  /** Variables of the run; `{dir}` is the folder, `{hosts}` a hosts file. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What the driver can't do, and why. */
  readonly lacks?: Partial<Record<CheckName, string>>;
  /** It sends no SNI for a name without a dot, and reads the hosts file that it is given. */
  readonly needsDottedName?: boolean;
  /** Why it tells no server name when TLS begins, where it doesn't: no front can know which endpoint it means. */
  readonly sendsNoServerName?: string;
}

export interface Driver extends Manifest {
  /** `typescript/node-postgres`. */
  readonly name: string;
  readonly folder: string;
}

/** All drivers below `root`, which has a folder per language, by name. Throws BAD_CONFIG. */
export function readDrivers(root: string): Driver[] {
  return foldersIn(root).flatMap((language) =>
    foldersIn(join(root, language))
      .filter((driver) => existsSync(join(root, language, driver, MANIFEST)))
      .map((driver) => readDriver(root, `${language}/${driver}`)),
  );
}

const foldersIn = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map(({ name }) => name)
    .toSorted();

function readDriver(root: string, name: string): Driver {
  const folder = join(root, name);
  const path = join(folder, MANIFEST);
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(readFileSync(path, "utf8")) as Partial<Manifest>;
  } catch (error) {
    throw badManifest(path, messageOfUnknown(error));
  }
  const { tools = [], get = "", lock = [], fetch = [], build = [], run } = manifest;
  if (run === undefined || tools.length === 0 || get === "") throw badManifest(path, "no run, no tools or no get");
  const gone = lock.filter((file) => !existsSync(join(folder, file)));
  if (gone.length > 0) throw badManifest(path, `it names ${gone.join(", ")}, which is not there`);
  const unknown = Object.keys(manifest.lacks ?? {}).filter((check) => !CHECKS.some((known) => known === check));
  if (unknown.length > 0) throw badManifest(path, `it lacks ${unknown.join(", ")}, which is no check`);
  return { ...manifest, tools, get, lock, fetch, build, run, name, folder };
}

const badManifest = (path: string, found: string): HarnessError =>
  new HarnessError("BAD_CONFIG", {
    summary: "a driver's manifest can't be used",
    expected: `${path} with tools, get, lock, fetch, build and run; see pg_clients/README.md`,
    found,
    todo: "correct it",
  });
