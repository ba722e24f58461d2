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

export const positiveNumber: Reader<number> = {
  expects: "a number above 0, e.g. 0.5 or 10",
  read: (typed) => (/^\d+(\.\d+)?$/.test(typed) && Number(typed) > 0 ? Number(typed) : undefined),
};

/** A word that stands for itself, or what another reader reads. */
export function orWord<W extends string, T>(word: W, other: Reader<T>): Reader<W | T> {
  return {
    expects: `${other.expects}, or ${word}`,
    read: (typed) => (typed === word ? word : other.read(typed)),
  };
}

export function oneOf<W extends string>(...words: readonly W[]): Reader<W> {
  return { expects: words.join(" or "), read: (typed) => words.find((word) => word === typed) };
}

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `90`, `90s`, `2m`, `1h`; milliseconds. */
export const duration: Reader<number> = {
  expects: "a time such as 90s, 2m or 1h (a bare number means seconds)",
  read: (typed) => {
    const [, digits = "", unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(typed) ?? [];
    const ms = Number(digits) * UNITS_MS[unit as keyof typeof UNITS_MS];
    return digits !== "" && ms > 0 ? ms : undefined;
  },
};

/** Part `index` (from 1 on) of `count`. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

export const share: Reader<Share> = {
  expects: "I/N, part I of N, e.g. 2/4",
  read: (typed) => {
    const [, index = 0, count = 0] = (/^(\d+)\/(\d+)$/.exec(typed) ?? []).map(Number);
    return index >= 1 && index <= count ? { index, count } : undefined;
  },
};

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
