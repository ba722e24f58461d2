/** The counts with which a run of the command ends. */
export const lineOf = (output: string): string =>
  output
    .trimEnd()
    .split("\n")
    .findLast((line) => /^\d+ passed, /.test(line)) ?? "ended without counts";
