import { HarnessError, PgVersion } from "../../harness/types";

/** Makes a value of what was typed after an option; undefined where it doesn't fit. */
export interface Reader<T> {
  /** For the error message: `a whole number from 1 on`. */
  readonly expects: string;
  read(text: string): T | undefined;
}

export const text: Reader<string> = { expects: "some text", read: (typed) => (typed === "" ? undefined : typed) };

export function wholeNumber(from: number): Reader<number> {
  return {
    expects: `a whole number from ${from} on`,
    read: (typed) => (/^\d+$/.test(typed) && Number(typed) >= from ? Number(typed) : undefined),
  };
}

/** A word that stands for itself, or what another reader reads. */
export function orWord<W extends string, T>(word: W, other: Reader<T>): Reader<W | T> {
  return {
    expects: `${other.expects}, or ${word}`,
    read: (typed) => (typed === word ? word : other.read(typed)),
  };
}

/** Throws BAD_PG_VERSION itself, which says more. */
export const pgVersion: Reader<PgVersion> = {
  expects: "a Postgres version",
  read: (typed) => PgVersion.parse(typed),
};

export function readOrThrow<T>(reader: Reader<T>, option: string, typed: string): T {
  const read = reader.read(typed);
  if (read !== undefined) return read;
  throw new HarnessError("BAD_ARGUMENT", {
    summary: `${option} was given something that it can't be`,
    expected: reader.expects,
    found: JSON.stringify(typed),
  });
}
