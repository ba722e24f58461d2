import { parseArgs } from "node:util";
import { HarnessError, messageOfUnknown } from "../../harness/types";
import type { Command, Invocation } from "./command";
import { kebab, spelling } from "./option";
import type { FlagRow, OptionTable, ValueRow } from "./option";
import { readOrThrow } from "./readers";

/** Throws BAD_ARGUMENT for an option that doesn't exist, a value that doesn't fit, or what the command doesn't take. */
export function parseInvocation<T extends OptionTable>(
  command: Pick<Command<T>, "name" | "options" | "takes" | "passesOn">,
  argv: readonly string[],
): Invocation<T> {
  const split = argv.indexOf("--");
  const { values, positionals } = parse(command, repeatPairs(command, split === -1 ? argv : argv.slice(0, split)));
  const rest = split === -1 ? [] : argv.slice(split + 1);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([key, row]) => [key, valueOf(key, row, values[kebab(key)])]),
  );
  if (command.takes === undefined && positionals.length > 0) throw notTaken(command, positionals.join(" "));
  if (command.passesOn === undefined && split !== -1) throw notTaken(command, `-- ${rest.join(" ")}`);
  refuseContradictions(command.options, options);
  return { options: options as Invocation<T>["options"], positionals, rest };
}

type Named = Pick<Command, "name" | "options">;

function parse(command: Named, argv: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([key, row]) => [
      kebab(key),
      {
        type: row.kind === "flag" ? ("boolean" as const) : ("string" as const),
        multiple: row.kind === "list" || row.kind === "pair",
        ...(row.short === undefined ? {} : { short: row.short }),
      },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new HarnessError("BAD_ARGUMENT", {
      summary: `neon-test ${command.name} does not understand its arguments`,
      expected: allOptions(command),
      found: messageOfUnknown(error).split(". ")[0] ?? "",
      todo: `see \`neon-test ${command.name} --help\``,
    });
  }
}

function valueOf(key: string, row: FlagRow | ValueRow<unknown>, typed: unknown): unknown {
  if (row.kind === "flag") return typed === true;
  const read = (text: string): unknown => readOrThrow(row.reader, spelling(key, row), text);
  if (row.kind === "pair") return pairOf(key, row, ((typed as string[] | undefined) ?? []).map(read));
  if (row.kind === "list") return [...new Set(((typed as string[] | undefined) ?? []).map(read))];
  return typed === undefined ? undefined : read(typed as string);
}

/** `--compare A B` as `--compare A --compare B`, which the parser knows. */
function repeatPairs({ options }: Named, argv: readonly string[]): string[] {
  const names = Object.entries(options).flatMap(([key, row]) => (row.kind === "pair" ? [`--${kebab(key)}`] : []));
  return argv.flatMap((text, index) =>
    names.includes(argv[index - 2] ?? "") && !text.startsWith("-") ? [argv[index - 2] ?? "", text] : [text],
  );
}

function pairOf(key: string, row: ValueRow<unknown>, values: readonly unknown[]): readonly unknown[] {
  if (values.length === 0 || values.length === 2) return values;
  throw new HarnessError("BAD_ARGUMENT", {
    summary: `${spelling(key, row)} takes two values`,
    expected: `${spelling(key, row)} ${row.placeholder}`,
    found: values.length === 1 ? "one" : String(values.length),
  });
}

function refuseContradictions(table: OptionTable, options: Readonly<Record<string, unknown>>): void {
  for (const [key, row] of Object.entries(table)) {
    const other = row.excludes?.find((each) => isGiven(options[each]));
    if (other === undefined || !isGiven(options[key])) continue;
    throw new HarnessError("BAD_ARGUMENT", {
      summary: `--${kebab(key)} and --${kebab(other)} make no sense together`,
      expected: "one of them",
      found: "both",
    });
  }
}

const isGiven = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;

function notTaken(command: Named, found: string): HarnessError {
  return new HarnessError("BAD_ARGUMENT", {
    summary: `neon-test ${command.name} takes no further arguments`,
    expected: allOptions(command),
    found,
  });
}

const allOptions = (command: Named): string =>
  Object.keys(command.options)
    .map((key) => `--${kebab(key)}`)
    .join(", ") || "nothing";
