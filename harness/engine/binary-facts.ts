import { execFile } from "node:child_process";
import type { ExecFileException } from "node:child_process";
import { join } from "node:path";
import type { ProcessIdentity } from "../process";
import { HarnessError } from "../types";
import type { NodeBinary } from "./engine";
import { readOnlyData } from "./read-only-data";

export interface BinaryFacts {
  name: NodeBinary;
  /** What `--version` prints, e.g. `Neon page server git:… failpoints: true, features: ["testing"]`. */
  versionLine: string;
  /** The git revision; undefined where neither the version nor the program's constants tell. */
  revision: string | undefined;
  profile: "debug" | "release" | undefined;
}

/** As whom and with which environment programs are asked. */
export interface Asker {
  environment: Readonly<Record<string, string>>;
  identity: ProcessIdentity | undefined;
}

const TIMEOUT_MS = 20_000;
const REVISION = /git(?:-env)?:([0-9a-f]{7,40}(?:-modified)?)/;
const REVISION_PREFIXES = ["git-env:", "git:"] as const;
const LONGEST_REVISION = 60;
/** A debug build checks its sums, and each check has its message; a release build leaves both out. */
const OVERFLOW_MESSAGE = "attempt to add with overflow";

/** What one of Neon's programs tells of itself, asked as the user who will run it. Throws BINARY_BROKEN. */
export async function askBinary(neonBin: string, name: NodeBinary, asker: Asker): Promise<BinaryFacts> {
  const path = join(neonBin, name);
  const [versionLine, constants] = await Promise.all([askVersion(path, name, asker), readOnlyData(path)]);
  return {
    name,
    versionLine,
    revision: REVISION.exec(versionLine)?.[1] ?? revisionIn(constants),
    profile: constants === undefined ? undefined : constants.includes(OVERFLOW_MESSAGE) ? "debug" : "release",
  };
}

/** storage_controller and compute_ctl know their revision, but print another number. */
function revisionIn(constants: Buffer | undefined): string | undefined {
  if (constants === undefined) return undefined;
  for (const prefix of REVISION_PREFIXES) {
    for (let at = constants.indexOf(prefix); at >= 0; at = constants.indexOf(prefix, at + 1)) {
      const match = REVISION.exec(constants.toString("latin1", at, at + LONGEST_REVISION));
      if (match !== null) return match[1];
    }
  }
  return undefined;
}

/** The first line of `--version`. Throws BINARY_BROKEN when the program doesn't run, or isn't Neon's. */
export async function askVersion(path: string, name: NodeBinary, asker: Asker): Promise<string> {
  const who = asker.identity === undefined ? {} : { uid: asker.identity.uid, gid: asker.identity.gid };
  const env = { PATH: process.env["PATH"] ?? "", ...asker.environment };
  const answer = await run(path, { env, cwd: "/", timeout: TIMEOUT_MS, ...who });
  if (answer.error !== undefined) throw doesNotRun(path, name, answer.error, answer.stderr || answer.stdout);
  const line = answer.stdout.split("\n")[0]?.trim() ?? "";
  if (/\bneon\b/i.test(line) || line.startsWith(`${name} `)) return line;
  throw new HarnessError("BINARY_BROKEN", {
    summary: `${path} is not Neon's ${name}`,
    expected: `${name} --version to print Neon's version`,
    found: line === "" ? "an empty line" : line.slice(0, 200),
    todo: "point NEON_BIN at a directory that Neon's build wrote",
    facts: { path },
  });
}

type Answer = { error: ExecFileException | undefined; stdout: string; stderr: string };

async function run(path: string, options: Parameters<typeof execFile>[2] & object): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(path, ["--version"], { ...options, encoding: "utf8" }, (error, stdout, stderr) =>
      resolve({ error: error ?? undefined, stdout: String(stdout), stderr: String(stderr) }),
    );
  });
}

function doesNotRun(path: string, name: NodeBinary, error: ExecFileException, output: string): HarnessError {
  const exit = typeof error.code === "number" ? `exit code ${error.code}` : (error.signal ?? error.code ?? "no answer");
  const found = error.killed === true ? `no answer within ${TIMEOUT_MS} ms` : `${exit}, ${output.trim().slice(0, 400)}`;
  return new HarnessError("BINARY_BROKEN", {
    summary: `the ${name} binary does not run`,
    expected: `${path} --version to print a version`,
    found,
    todo: "build it for this machine; check that the libraries it needs are installed",
    facts: { path },
  });
}
