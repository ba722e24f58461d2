import { join } from "node:path";
import { HarnessError } from "../../../harness/types";
import { PACKAGE_ROOT } from "../../project";

const OURS = ["harness", "fixtures", join("dist", "command")].map((folder) => join(PACKAGE_ROOT, folder, "/"));
const FIELDS_OF_THE_HARNESS: readonly string[] = ["code", "fault", "facts"];

/**
 * An error of a test, as vitest is to print it: it adds fields and the whole stack. Of the harness' own errors the message
 * says all that the fields say, and a person wants to see the places in the test.
 */
export function forPeople(error: unknown): unknown {
  // One of this process' own: nobody asks where the command found it.
  if (HarnessError.is(error)) return { name: error.name, message: error.message, stacks: [] };
  if (error instanceof Error || typeof error !== "object" || error === null) return error;
  const known = Object.entries(error).filter(([, value]) => value !== undefined);
  const { name, stacks = [] } = error as { name?: string; stacks?: readonly { file: string }[] };
  if (name !== "HarnessError") return Object.fromEntries(known);
  const rest = known.filter(([field]) => !FIELDS_OF_THE_HARNESS.includes(field));
  const places = stacks.filter(({ file }) => !OURS.some((path) => file.startsWith(path)));
  return { ...Object.fromEntries(rest), stacks: places };
}
