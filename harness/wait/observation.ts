import { messageOfUnknown } from "../types";

/** What a wait saw last: a value that the probe reported, or the error of its last try. */
export class Observation {
  #text = "nothing yet: the first try has not ended";
  readonly #describe: ((last: unknown) => string) | undefined;

  constructor(describe?: (last: unknown) => string) {
    this.#describe = describe;
  }

  value(value: unknown): void {
    this.#text = this.#describe === undefined ? textOf(value) : this.#describe(value);
  }

  error(error: unknown): void {
    this.#text = textOfError(error);
  }

  toString(): string {
    return this.#text;
  }
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return (
    JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? part.toString() : part)) ?? "nothing"
  );
}

/** `connect ECONNREFUSED 127.0.0.1:1`, also where that is only the cause, as with fetch, or one of several. */
function textOfError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return textOfError(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` (${textOfError(error.cause)})`;
  return `${messageOfUnknown(error)}${cause}`;
}
