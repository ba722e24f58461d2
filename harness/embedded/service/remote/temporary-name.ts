export const TEMP_SUFFIX = "___temp";

let counter = 0;

/** Beside a file: what is written there and renamed is never seen half. */
export function temporaryName(path: string): string {
  counter += 1;
  return `${path}.${process.pid}.${counter}.${TEMP_SUFFIX}`;
}
