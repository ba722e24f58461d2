export interface ArgumentSpec {
  short?: string;
  kind: "string" | "boolean" | "number";
  required?: true;
  default?: string | boolean | number;
}

type ValueOf<S extends ArgumentSpec> = S["kind"] extends "string"
  ? string
  : S["kind"] extends "number"
    ? number
    : boolean;
type IsPresent<S extends ArgumentSpec> = S extends { required: true } | { default: string | boolean | number }
  ? true
  : S["kind"] extends "boolean"
    ? true
    : false;
export type ParsedArguments<T extends Record<string, ArgumentSpec>> = {
  [K in keyof T]: IsPresent<T[K]> extends true ? ValueOf<T[K]> : ValueOf<T[K]> | undefined;
};

/** A command line that cannot be understood: `runDaemon` prints it as one line and exits with 2, as clap does. */
export class UsageError extends Error {}

function convert(flag: string, spec: ArgumentSpec, text: string): string | boolean | number {
  if (spec.kind === "string") return text;
  if (spec.kind === "number" && /^\d+$/.test(text)) return Number(text);
  if (spec.kind === "boolean" && (text === "true" || text === "false")) return text === "true";
  throw new UsageError(`invalid value '${text}' for '${flag}'`);
}

function startingValues(specs: Record<string, ArgumentSpec>): Record<string, string | boolean | number | undefined> {
  return Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [name, spec.default ?? (spec.kind === "boolean" ? false : undefined)]),
  );
}

/**
 * Reads `--flag value`, `--flag=value` and `-f value`; a repeated flag: the last wins.
 * Throws UsageError for an unknown flag, a missing value or a missing required flag.
 */
export function parseArguments<const T extends Record<string, ArgumentSpec>>(
  specs: T,
  argv: string[],
): ParsedArguments<T> {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(specs)) {
    names.set(`--${name}`, name);
    if (spec.short !== undefined) names.set(`-${spec.short}`, name);
  }
  const values = startingValues(specs);
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    const equals = argument.indexOf("=");
    const flag = equals === -1 ? argument : argument.slice(0, equals);
    const name = names.get(flag);
    const spec = name === undefined ? undefined : specs[name];
    if (name === undefined || spec === undefined) throw new UsageError(`unexpected argument '${flag}' found`);
    let text = equals === -1 ? undefined : argument.slice(equals + 1);
    text ??= spec.kind === "boolean" ? "true" : rest.shift();
    if (text === undefined) throw new UsageError(`a value is required for '${flag}' but none was supplied`);
    values[name] = convert(flag, spec, text);
  }
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.required && values[name] === undefined) throw new UsageError(`required argument '--${name}' is missing`);
  }
  return values as ParsedArguments<T>;
}
