import { parseArgs } from "node:util";
import { HarnessError, messageOfUnknown, PgVersion } from "../harness/types";

interface OptionRow {
  type: "string" | "boolean";
  short?: string;
  multiple?: boolean;
  value?: string;
  help: string;
}

/** The table that both the parser and `--help` are made from. */
const OPTIONS = {
  keyword: {
    type: "string",
    short: "k",
    value: "EXPR",
    help: "only tests whose file or name matches, e.g. 'slow and not detach'",
  },
  workers: {
    type: "string",
    short: "n",
    value: "N|auto",
    help: "tests that run at a time; auto (default): one per core",
  },
  exitfirst: { type: "boolean", short: "x", help: "stop after the first failure" },
  stream: {
    type: "boolean",
    short: "s",
    help: "show the nodes' logs as they are written, each line with its node's name",
  },
  "pg-version": { type: "string", multiple: true, value: "V", help: "Postgres version, e.g. 17; may be repeated" },
  "preserve-database-files": { type: "boolean", help: "keep every test's directory, also when it passes" },
  list: { type: "boolean", help: "list the tests and run nothing" },
  help: { type: "boolean", short: "h", help: "this text" },
  version: { type: "boolean", help: "print the version" },
} as const satisfies Record<string, OptionRow>;

export interface Options {
  /** Suites, files or folders; what stands after `--` is for vitest. */
  positionals: string[];
  vitestArguments: string[];
  keyword: string | undefined;
  workers: number | undefined;
  exitFirst: boolean;
  stream: boolean;
  pgVersions: PgVersion[];
  preserveDatabaseFiles: boolean;
  list: boolean;
  help: boolean;
  version: boolean;
}

/** Throws BAD_ARGUMENT for a flag that doesn't exist or a value that doesn't fit. */
export function parseOptions(argv: readonly string[]): Options {
  const split = argv.indexOf("--");
  const ours = split === -1 ? argv : argv.slice(0, split);
  const { values, positionals } = parse(ours);
  return {
    positionals,
    vitestArguments: split === -1 ? [] : argv.slice(split + 1),
    keyword: values.keyword,
    workers: workersOf(values.workers),
    exitFirst: values.exitfirst ?? false,
    stream: values.stream ?? false,
    pgVersions: [...new Set((values["pg-version"] ?? []).map((text) => PgVersion.parse(text)))],
    preserveDatabaseFiles: values["preserve-database-files"] ?? false,
    list: values.list ?? false,
    help: values.help ?? false,
    version: values.version ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: "neon-test does not understand its arguments",
      expected: Object.keys(OPTIONS)
        .map((name) => `--${name}`)
        .join(", "),
      found: messageOfUnknown(error).split(". ")[0] ?? "",
      todo: "see `neon-test --help`; what is meant for vitest goes after `--`",
    });
  }
}

function workersOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "auto") return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new HarnessError("BAD_ARGUMENT", {
    summary: "-n takes the number of tests that run at a time",
    expected: "a whole number from 1 on, or auto",
    found: JSON.stringify(text),
  });
}

export function helpText(): string {
  const rows: [string, OptionRow][] = Object.entries(OPTIONS);
  const lines = rows.map(([name, row]) => {
    const short = row.short === undefined ? "    " : `-${row.short}, `;
    const flag = `  ${short}--${name}${row.value === undefined ? "" : ` ${row.value}`}`;
    return `${flag.padEnd(36)}${row.help}`;
  });
  return `Usage: neon-test [SUITE|FILE ...] [OPTIONS] [-- VITEST OPTIONS]
       neon-test up

Suites: regress (default), performance, pg_clients, harness (self-tests). Files and folders are given as paths.
  up: starts an environment in the foreground (with --pg-version V) and takes it down on Ctrl-C.

Options:
${lines.join("\n")}

Environment: NEON_BIN, POSTGRES_DISTRIB_DIR, DEFAULT_PG_VERSION, TEST_OUTPUT, NEON_TEST_USER, NEON_COMPUTE_DATA, RUST_LOG
(see README.md).
`;
}
