import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { HarnessError, messageOfUnknown } from "../../harness/types";

export const PARTS = ["environment", "slow-reader", "regress"] as const;

export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  /** A checkout of Neon: its `test_runner` is the original. */
  original: string;
  python: string;
  rounds: number;
  parts: readonly Part[];
  markdown: boolean;
  /** A file that rounds of earlier runs are taken from, and this run's are added to. */
  results: string | undefined;
}

const USAGE =
  "npm run bench:real -- --original DIR [--python PATH] [--rounds N] [--only environment|slow-reader|regress …] [--results FILE] [--markdown]";

/** Throws BAD_ARGUMENT, BAD_ENV or BINARY_MISSING; the directory and the interpreter are looked at, not run. */
export function parseBenchOptions(argv: readonly string[], env: NodeJS.ProcessEnv): BenchOptions {
  const values = parse(argv);
  const original = originalOf(values.original);
  for (const name of ["NEON_BIN", "POSTGRES_DISTRIB_DIR"]) {
    if (env[name]) continue;
    throw new HarnessError("BAD_ENV", {
      summary: "the original can only be timed on real Neon",
      expected: "NEON_BIN and POSTGRES_DISTRIB_DIR name Neon's binaries and its Postgres versions",
      found: `${name} is not set`,
    });
  }
  return {
    original,
    python: pythonOf(values.python, original, env),
    rounds: roundsOf(values.rounds),
    parts: partsOf(values.only),
    markdown: values.markdown ?? false,
    results: values.results === undefined ? undefined : resolve(values.results),
  };
}

function parse(argv: readonly string[]) {
  try {
    const options = {
      original: { type: "string" },
      python: { type: "string" },
      rounds: { type: "string" },
      only: { type: "string", multiple: true },
      markdown: { type: "boolean" },
      results: { type: "string" },
    } as const;
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw badArgument("bench:real does not understand its arguments", USAGE, messageOfUnknown(error));
  }
}

function originalOf(dir: string | undefined): string {
  if (dir === undefined) {
    throw badArgument("bench:real needs the original to compare with", `--original DIR\n${USAGE}`, "no --original");
  }
  const expected = "a checkout of Neon, with test_runner/conftest.py";
  if (!existsSync(dir)) throw badArgument("the original is not there", expected, `no directory ${dir}`);
  if (!existsSync(join(dir, "test_runner", "conftest.py"))) {
    throw badArgument("that directory is not the original", expected, `${dir} without test_runner/conftest.py`);
  }
  return resolve(dir);
}

/** The interpreter of the virtual environment that the original's packages are in. */
function pythonOf(asked: string | undefined, original: string, env: NodeJS.ProcessEnv): string {
  const active = env["VIRTUAL_ENV"];
  const candidates =
    asked === undefined
      ? [join(original, ".venv", "bin", "python"), ...(active ? [join(active, "bin", "python")] : [])]
      : [resolve(asked)];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new HarnessError("BINARY_MISSING", {
    summary: "there is no Python to run the original with",
    expected: candidates.join(" or "),
    found: "nothing",
    todo: "make a virtual environment with what the original's pyproject.toml asks for, and name it with --python PATH",
  });
}

function roundsOf(text = "5"): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  throw badArgument("--rounds takes a number of rounds", "a whole number from 1 on", JSON.stringify(text));
}

function partsOf(names: readonly string[] = []): readonly Part[] {
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw badArgument("--only takes a part of the table", PARTS.join(", "), unknown);
  return names.length === 0 ? PARTS : PARTS.filter((part) => names.includes(part));
}

const badArgument = (summary: string, expected: string, found: string): HarnessError =>
  new HarnessError("BAD_ARGUMENT", { summary, expected, found });
