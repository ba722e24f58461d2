import { HarnessError } from "../../harness/types";

/** The only argument, if there is one. Throws BAD_ARGUMENT for several. */
export function oneId(positionals: readonly string[]): string | undefined {
  if (positionals.length <= 1) return positionals[0];
  throw new HarnessError("BAD_ARGUMENT", {
    summary: "one environment at a time",
    expected: "one id",
    found: positionals.join(" "),
  });
}
