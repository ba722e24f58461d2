import { existsSync, rmSync } from "node:fs";
import { addedPostgres, findPostgres } from "../../harness/engine";
import { HarnessError, PgVersion } from "../../harness/types";
import { defineCommand } from "../command/command";
import { addPostgres, versionOf } from "../postgres/add";

/** Widths of the list's columns; the last has none. */
const COLUMNS = [6, 10, 9];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** The Postgres versions of the embedded engine: what is here, and how another comes and goes. */
export const postgres = defineCommand({
  name: "postgres",
  summary: "lists the embedded engine's Postgres versions, brings others from npm, and removes those",
  takes: "list | add V … | remove V …",
  options: {},
  run: ({ positionals }) => postgresCommand(positionals, process.env),
});

/** Throws BAD_ARGUMENT, BAD_PG_VERSION, POSTGRES_VERSION_MISSING, and what the machine refuses. */
export async function postgresCommand(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [action, ...rest] = words;
  const versions = rest.map((text) => PgVersion.parse(text));
  if (action === "list" && rest.length === 0) listPostgres(env);
  else if (action === "add" && rest.length > 0) for (const version of versions) print(await addPostgres(env, version));
  else if (action === "remove" && rest.length > 0) for (const version of versions) print(removePostgres(env, version));
  else throw misused(words);
  return 0;
}

/** One line for each version that Neon knows: its number, where it comes from, where it is. */
function listPostgres(env: NodeJS.ProcessEnv): void {
  for (const version of PgVersion.ALL) {
    const place = findPostgres(env, version);
    const facts =
      place === undefined
        ? ["not here", `neon-test postgres add ${version}`]
        : [versionOf(place.root), place.origin, place.root];
    print([PgVersion.dirName(version), ...facts].map((text, column) => text.padEnd(COLUMNS[column] ?? 0)).join(""));
  }
}

function removePostgres(env: NodeJS.ProcessEnv, version: PgVersion): string {
  const dir = addedPostgres(env, version);
  if (existsSync(dir)) {
    rmSync(dir, { recursive: true, force: true });
    return `Postgres ${version} removed: ${dir}`;
  }
  throw new HarnessError("POSTGRES_VERSION_MISSING", {
    summary: `Postgres ${version} was not added`,
    expected: dir,
    found: findPostgres(env, version)?.root ?? "no such version",
    todo: "only what `neon-test postgres add` has brought can be removed",
  });
}

function misused(words: readonly string[]): HarnessError {
  return new HarnessError("BAD_ARGUMENT", {
    summary: "neon-test postgres was not told what to do",
    expected: `neon-test postgres list, add V … or remove V …; V is one of ${PgVersion.ALL.join(", ")}`,
    found: ["neon-test postgres", ...words].join(" "),
  });
}
