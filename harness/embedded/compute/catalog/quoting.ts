/** An SQL identifier; what is quoted already is quoted again. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** An SQL string, whatever standard_conforming_strings says. */
export function quoteLiteral(text: string): string {
  const escaped = text.replaceAll("'", "''").replaceAll("\\", "\\\\");
  return escaped.includes("\\") ? `E'${escaped}'` : `'${escaped}'`;
}
