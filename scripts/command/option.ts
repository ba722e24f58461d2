import type { Reader } from "./readers";

interface Row {
  readonly short?: string;
  /** The heading under which `--help` lists it. */
  readonly group?: string;
  readonly help: string;
  /** Options, by their keys in the table, that make no sense beside this one. */
  readonly excludes?: readonly string[];
}

export interface FlagRow extends Row {
  readonly kind: "flag";
}

export interface ValueRow<T> extends Row {
  /** A list may be repeated; a pair takes two values at once. */
  readonly kind: "value" | "list" | "pair";
  /** What stands after the option in `--help`. */
  readonly placeholder: string;
  readonly reader: Reader<T>;
}

/** Key in camel case (`preserveDatabaseFiles`) → what `--preserve-database-files` is; parser and help follow from it. */
export type OptionTable = Readonly<Record<string, FlagRow | ValueRow<unknown>>>;

/** A flag is false when it isn't given, a value undefined, a list empty. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { kind: "flag" }
    ? boolean
    : T[K] extends ValueRow<infer V> & { kind: "list" | "pair" }
      ? readonly V[]
      : T[K] extends ValueRow<infer V>
        ? V | undefined
        : never;
};

export const flag = (row: Row): FlagRow => ({ kind: "flag", ...row });

export function value<T>(placeholder: string, reader: Reader<T>, row: Row): ValueRow<T> & { kind: "value" } {
  return { kind: "value", placeholder, reader, ...row };
}

/** An option that may be repeated. */
export function list<T>(placeholder: string, reader: Reader<T>, row: Row): ValueRow<T> & { kind: "list" } {
  return { kind: "list", placeholder, reader, ...row };
}

/** `--compare A B`: an option that takes two values; a list of two, or an empty one. */
export function pair<T>(placeholder: string, reader: Reader<T>, row: Row): ValueRow<T> & { kind: "pair" } {
  return { kind: "pair", placeholder, reader, ...row };
}

/** `preserveDatabaseFiles` → `preserve-database-files`. */
export const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** As a person types it: `-n, --workers`. */
export function spelling(key: string, row: Row): string {
  return row.short === undefined ? `--${kebab(key)}` : `-${row.short}, --${kebab(key)}`;
}
