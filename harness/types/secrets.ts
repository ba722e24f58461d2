const HIDDEN = "***";

const PATTERNS: readonly { pattern: RegExp; replacement: string }[] = [
  // A JSON web token: three base64url parts, the first two of which are JSON objects.
  { pattern: /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, replacement: HIDDEN },
  { pattern: /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, replacement: HIDDEN },
  { pattern: /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, replacement: `$1 ${HIDDEN}` },
  // The password inside a connection URL.
  { pattern: /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+):[^\s@/]+@/gi, replacement: `$1:${HIDDEN}@` },
  // A key or password that is given as a setting: `AWS_SECRET_ACCESS_KEY=…`, `password: "…"`.
  {
    pattern: /\b(\w*(?:password|secret_access_key|session_token|auth_token|secret))(["']?\s*[=:]\s*["']?)[^\s"',;]+/gi,
    replacement: `$1$2${HIDDEN}`,
  },
  { pattern: /\bAKIA[0-9A-Z]{16}\b/g, replacement: HIDDEN },
];

const VALUES = new Set<string>();

/** Shorter ones are words of every message, and no secrets that anybody would keep. */
const SHORTEST_VALUE = 8;

/** From now on this very text is hidden wherever it stands: a key that was found out, and looks like any other word. */
export function hideSecretValue(value: string): void {
  if (value.length >= SHORTEST_VALUE) VALUES.add(value);
}

/** Replaces what looks like a key, token or password by `***`: messages quote logs, and logs can't be trusted. */
export function hideSecrets(text: string): string {
  const known = [...VALUES].reduce((hidden, value) => hidden.replaceAll(value, HIDDEN), text);
  return PATTERNS.reduce((hidden, { pattern, replacement }) => hidden.replace(pattern, replacement), known);
}
