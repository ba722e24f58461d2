import { HarnessError } from "../types";

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };

/** A size as Postgres writes it, e.g. `15MB`, `8kB` or `0`, in bytes. */
export function parseByteSize(text: string): number {
  if (text.trim() === "0") return 0;
  const match = /^(\d+)\s*([kKMGT]?B)$/.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? "").toUpperCase()];
  if (match !== null && unit !== undefined) return Number(match[1]) * unit;
  throw new HarnessError("BAD_VALUE", {
    summary: "this is not a size",
    expected: "a number and B, kB, MB, GB or TB",
    found: JSON.stringify(text),
  });
}
