/** What every program does, in this order, and what it must find. pg_clients/README.md says how. */
export const EXPECTED = {
  /** `select current_user`: filled in by the target. */
  connect: undefined,
  select: "1",
  parameters: "42",
  prepared: "10 20 30",
  rollback: "1 0",
  sqlstate: "22012",
  rows: "1000 500500",
  copy: "1000 500500",
  cancel: "57014",
} as const;

export type CheckName = keyof typeof EXPECTED;
export const CHECKS = Object.keys(EXPECTED) as CheckName[];

const isCheck = (text: string): text is CheckName => text in EXPECTED;

/** What a program said of one check. */
export interface Answer {
  readonly check: CheckName;
  /** It found a value, its driver raised an error, or the driver can't do it. */
  readonly kind: "value" | "error" | "skipped";
  readonly text: string;
}

/** Reads a program's lines, `check<TAB>value|error|skipped<TAB>text`; what is no such line is somebody else's chatter. */
export function readAnswers(stdout: string): Answer[] {
  return stdout.split("\n").flatMap((line): Answer[] => {
    const [check = "", kind = "", ...rest] = line.replace(/\r$/, "").split("\t");
    if (!isCheck(check) || (kind !== "value" && kind !== "error" && kind !== "skipped")) return [];
    return [{ check, kind, text: rest.join(" ") }];
  });
}
