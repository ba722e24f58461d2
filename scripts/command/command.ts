import type { OptionTable, OptionValues } from "./option";

/** What was typed after the command's name. */
export interface Invocation<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly positionals: readonly string[];
  /** What stands after `--`. */
  readonly rest: readonly string[];
}

/** One subcommand, as data; parsing, validation and `--help` follow from it. */
export interface Command<T extends OptionTable = OptionTable> {
  readonly name: string;
  /** Half a sentence for the list of commands. */
  readonly summary: string;
  /** What it takes besides options, e.g. `[SUITE|FILE …]`; without it, nothing. */
  readonly takes?: string;
  /** What follows `--`, e.g. `VITEST OPTIONS`; without it, `--` is refused. */
  readonly passesOn?: string;
  /** More paragraphs for `--help`. */
  readonly details?: string;
  readonly options: T;
  /** Resolves with the exit code. */
  run(invocation: Invocation<T>): Promise<number>;
}

/** Only so that `run` knows the types of its options. */
export const defineCommand = <T extends OptionTable>(command: Command<T>): Command => command as unknown as Command;
