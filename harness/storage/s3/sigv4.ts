import { createHash, createHmac } from "node:crypto";
import { encodeKey, encodeQuery } from "./encoding";

export const ALGORITHM = "AWS4-HMAC-SHA256";
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** What a signature is made from. */
export interface SignedParts {
  method: string;
  /** Decoded; starts with a slash. */
  path: string;
  query: Iterable<readonly [string, string]>;
  /** Lower-case names; only those that are signed, sorted by name. */
  headers: readonly (readonly [string, string])[];
  payloadHash: string;
}

export interface SigningScope {
  /** `YYYYMMDD`. */
  date: string;
  region: string;
  service: string;
}

export const sha256Hex = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();

export const scopeText = ({ date, region, service }: SigningScope): string =>
  `${date}/${region}/${service}/aws4_request`;

/** The key that signs all requests of one day, region and service. */
export function signingKey(secret: string, { date, region, service }: SigningScope): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), "aws4_request");
}

function canonicalRequest({ method, path, query, headers, payloadHash }: SignedParts): string {
  const lines = headers.map(([name, value]) => `${name}:${value.trim().replace(/ {2,}/g, " ")}\n`).join("");
  const names = headers.map(([name]) => name).join(";");
  return [method, encodeKey(path), encodeQuery(query), lines, names, payloadHash].join("\n");
}

export interface RequestSignature {
  signature: string;
  canonicalRequest: string;
  stringToSign: string;
}

/** The signature of a request; `amzDate` is `YYYYMMDDTHHMMSSZ`. */
export function signRequest(parts: SignedParts, scope: SigningScope, amzDate: string, key: Buffer): RequestSignature {
  const canonical = canonicalRequest(parts);
  const stringToSign = [ALGORITHM, amzDate, scopeText(scope), sha256Hex(canonical)].join("\n");
  return { signature: hmac(key, stringToSign).toString("hex"), canonicalRequest: canonical, stringToSign };
}

/** The signature of one chunk of an aws-chunked body (`kind` PAYLOAD), or of its trailers (TRAILER). */
export function signChunk(
  kind: "PAYLOAD" | "TRAILER",
  parts: { amzDate: string; scope: SigningScope; previous: string; contentHash: string },
  key: Buffer,
): string {
  const empty = kind === "PAYLOAD" ? [sha256Hex("")] : [];
  const lines = [`${ALGORITHM}-${kind}`, parts.amzDate, scopeText(parts.scope), parts.previous, ...empty];
  return hmac(key, [...lines, parts.contentHash].join("\n")).toString("hex");
}
