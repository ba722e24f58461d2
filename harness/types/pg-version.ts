import { HarnessError } from "./errors";

/** A major version of Postgres that Neon knows. */
export type PgVersion = 14 | 15 | 16 | 17;

const ALL: readonly PgVersion[] = [14, 15, 16, 17];
const DEFAULT: PgVersion = 17;

const VERSION_TEXT = /^v?(\d{2})(?:\d{4})?$/;

function parse(text: string): PgVersion {
  const major = Number(VERSION_TEXT.exec(text.trim())?.[1]);
  const known = ALL.find((version) => version === major);
  if (known === undefined) {
    throw new HarnessError("BAD_PG_VERSION", {
      summary: "this is not a Postgres version that Neon knows",
      expected: `one of ${ALL.join(", ")} (also written v17 or 170000)`,
      found: JSON.stringify(text),
    });
  }
  return known;
}

const dirName = (version: PgVersion): string => `v${version}`;

export const PgVersion = { parse, dirName, ALL, DEFAULT } as const;
