import { timingSafeEqual } from "node:crypto";
import { ALGORITHM, signingKey, signRequest, UNSIGNED_PAYLOAD } from "../s3/sigv4";
import type { SigningScope } from "../s3/sigv4";
import { S3Error } from "./errors";
import { headerCredentials, queryCredentials } from "./presented-credentials";
import type { PresentedCredentials } from "./presented-credentials";
import type { S3Request } from "./request";

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** What a valid signature says about the body: its hash, nothing, or that it comes in (signed) chunks. */
export interface PayloadTerms {
  sha256?: string;
  chunked?: { signed?: ChunkSigning; trailers: boolean };
}

/** What the first chunk of a signed aws-chunked body goes on from. */
export interface ChunkSigning {
  key: Buffer;
  scope: SigningScope;
  amzDate: string;
  seed: string;
}

const MAX_SKEW_MS = 15 * 60 * 1000;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Checks SigV4 signatures, in the header or in the query (presigned), of one pair of keys. */
export class Authenticator {
  readonly #keys: S3Keys;
  readonly #now: () => number;
  readonly #signingKeys = new Map<string, Buffer>();

  constructor(keys: S3Keys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  /** Throws what S3 answers to a request that isn't signed by its keys, now. */
  check(request: S3Request): PayloadTerms {
    const presented = this.#presented(request);
    if (presented.accessKeyId !== this.#keys.accessKeyId) {
      throw new S3Error("InvalidAccessKeyId", { fields: { AWSAccessKeyId: presented.accessKeyId } });
    }
    this.#checkTime(presented);
    const key = this.#signingKey(presented.scope);
    const expected = signRequest(
      {
        method: request.method,
        path: request.path,
        query: signedQuery(request),
        headers: signedHeaders(request, presented.signedHeaders),
        payloadHash: presented.payloadHash,
      },
      presented.scope,
      presented.amzDate,
      key,
    );
    if (!equal(expected.signature, presented.signature)) {
      const fields = {
        AWSAccessKeyId: presented.accessKeyId,
        StringToSign: expected.stringToSign,
        SignatureProvided: presented.signature,
        CanonicalRequest: expected.canonicalRequest,
      };
      throw new S3Error("SignatureDoesNotMatch", { fields });
    }
    requireSigned(request, presented.signedHeaders);
    this.#checkToken(presented.sessionToken);
    return payloadTerms(presented, key);
  }

  #presented(request: S3Request): PresentedCredentials {
    const { headers } = request.raw;
    if (request.query.has("X-Amz-Algorithm")) return queryCredentials(request);
    if (headers.authorization === undefined) throw new S3Error("AccessDenied");
    if (!headers.authorization.startsWith(ALGORITHM)) {
      const message = `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`;
      throw new S3Error("InvalidRequest", { message });
    }
    return headerCredentials(request, headers.authorization);
  }

  #checkTime({ amzDate, signedAt, expiresSeconds }: PresentedCredentials): void {
    const now = this.#now();
    if (expiresSeconds !== undefined && now > signedAt + expiresSeconds * 1000) {
      const fields = { Expires: new Date(signedAt + expiresSeconds * 1000).toISOString() };
      throw new S3Error("AccessDenied", { message: "Request has expired", fields });
    }
    const isEarly = signedAt - now > MAX_SKEW_MS;
    const isLate = expiresSeconds === undefined && now - signedAt > MAX_SKEW_MS;
    if (!isEarly && !isLate) return;
    throw new S3Error("RequestTimeTooSkewed", {
      fields: {
        RequestTime: amzDate,
        ServerTime: new Date(now).toISOString(),
        MaxAllowedSkewMilliseconds: MAX_SKEW_MS,
      },
    });
  }

  /** Keys that come with a token are valid only with it; keys without one are not valid with any. */
  #checkToken(token: string | undefined): void {
    const { sessionToken } = this.#keys;
    if (token === sessionToken || (token !== undefined && sessionToken !== undefined && equal(token, sessionToken))) {
      return;
    }
    throw new S3Error("InvalidToken");
  }

  #signingKey(scope: SigningScope): Buffer {
    const name = `${scope.date}/${scope.region}`;
    const known = this.#signingKeys.get(name);
    if (known !== undefined) return known;
    // A client can name any region and date: what is kept must not grow with that.
    if (this.#signingKeys.size > 100) this.#signingKeys.clear();
    const key = signingKey(this.#keys.secretAccessKey, scope);
    this.#signingKeys.set(name, key);
    return key;
  }
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const signedQuery = (request: S3Request): (readonly [string, string])[] =>
  [...request.query].filter(([name]) => name !== "X-Amz-Signature");

function signedHeaders(request: S3Request, names: readonly string[]): [string, string][] {
  return names.map((name) => {
    const value = request.raw.headers[name];
    return [name, Array.isArray(value) ? value.join(",") : (value ?? "")];
  });
}

function requireSigned(request: S3Request, signed: readonly string[]): void {
  const unsigned = Object.keys(request.raw.headers).filter(
    (name) => (name === "host" || (name.startsWith("x-amz-") && name !== "x-amz-user-agent")) && !signed.includes(name),
  );
  // A presigned URL carries in its query what would stand in these headers.
  const missing = unsigned.filter((name) => name !== "x-amz-content-sha256" || !request.query.has("X-Amz-Signature"));
  if (missing.length === 0) return;
  const message = "There were headers present in the request which were not signed";
  throw new S3Error("AccessDenied", { message, fields: { HeadersNotSigned: missing.join(", ") } });
}

function payloadTerms({ payloadHash, scope, amzDate, signature }: PresentedCredentials, key: Buffer): PayloadTerms {
  const seed: ChunkSigning = { key, scope, amzDate, seed: signature };
  switch (payloadHash) {
    case UNSIGNED_PAYLOAD:
      return {};
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return { chunked: { trailers: true } };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
      return { chunked: { trailers: false, signed: seed } };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
      return { chunked: { trailers: true, signed: seed } };
  }
  if (SHA256_HEX.test(payloadHash)) return { sha256: payloadHash };
  const message =
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.";
  throw new S3Error("InvalidArgument", {
    message,
    fields: { ArgumentName: "x-amz-content-sha256", ArgumentValue: payloadHash },
  });
}
