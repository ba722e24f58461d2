/** No JSON text holds a raw NUL, so this mark cannot be met in what callers pass by accident. */
const MARK = "\u0000bigint:";

/** JSON text in which a bigint is a bare number, as Rust's u64 is. */
export function jsonText(value: unknown, indent?: number): string {
  const marked = JSON.stringify(
    value === undefined ? null : value,
    (_key, item: unknown) => (typeof item === "bigint" ? `${MARK}${item}` : item),
    indent,
  );
  return marked.replace(/"\\u0000bigint:(-?\d+)"/g, "$1");
}

const STRING_OR_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Reads JSON; integers that a double cannot hold become bigint. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(STRING_OR_INTEGER, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"\\u0000bigint:${token}"` : token,
  );
  return JSON.parse(marked, (_key, item: unknown) =>
    typeof item === "string" && item.startsWith(MARK) ? BigInt(item.slice(MARK.length)) : item,
  );
}
