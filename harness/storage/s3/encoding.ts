/** RFC 3986: everything but letters, digits, `-._~` is percent-encoded as UTF-8, as SigV4 wants it. */
export function encodeComponent(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A key as it stands in a path: each part between slashes encoded. */
export const encodeKey = (key: string): string => key.split("/").map(encodeComponent).join("/");

/** `name=value` pairs sorted by name and value, encoded: the canonical query of SigV4, and one that servers accept. */
export function encodeQuery(query: Iterable<readonly [string, string]>): string {
  return [...query]
    .map(([name, value]) => `${encodeComponent(name)}=${encodeComponent(value)}`)
    .sort()
    .join("&");
}
