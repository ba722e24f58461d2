const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?UTC|Z)?/g, "<time>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "<uuid>"],
  [/\b(localhost|127\.0\.0\.1):\d+/g, "<address>"],
  [/\b[0-9A-F]{1,8}\/[0-9A-F]{1,8}\b/g, "<lsn>"],
  [/\/(?:[\w.-]+\/){2,}[\w.-]+/g, "<path>"],
  [/\b(?!0)\d{4,19}\b/g, "<number>"],
];

/** The text with placeholders for what no two runs share: LSNs, times, addresses, paths, sizes. */
export function withoutVolatile(text: string): string {
  return PLACEHOLDERS.reduce((now, [pattern, placeholder]) => now.replace(pattern, placeholder), text.trimEnd());
}
