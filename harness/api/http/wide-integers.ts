/**
 * Parses JSON in which a database's system identifier may stand: an unsigned 64-bit number that a double can't hold.
 * `system_id` comes out as a bigint, everything else as JSON.parse gives it.
 */
export function parseWithSystemIds(text: string): unknown {
  const quoted = text.replace(/"system_id"(\s*):(\s*)(\d+)/g, '"system_id"$1:$2"$3"');
  return JSON.parse(quoted, (key, value: unknown) =>
    key === "system_id" && typeof value === "string" ? BigInt(value) : value,
  );
}

/** JSON in which a bigint stands as a plain number. */
export function stringifyWithBigints(value: unknown): string {
  const marked = JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `\u0000${part}` : part));
  return marked.replace(/"\\u0000(\d+)"/g, "$1");
}
