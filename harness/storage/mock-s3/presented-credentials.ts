import { ALGORITHM, UNSIGNED_PAYLOAD } from "../s3/sigv4";
import type { SigningScope } from "../s3/sigv4";
import { S3Error } from "./errors";
import type { S3Request } from "./request";

/** What a request says about who signed it, and how. */
export interface PresentedCredentials {
  accessKeyId: string;
  scope: SigningScope;
  amzDate: string;
  /** The same in ms since 1970. */
  signedAt: number;
  signedHeaders: readonly string[];
  signature: string;
  payloadHash: string;
  sessionToken: string | undefined;
  /** Only of a presigned URL. */
  expiresSeconds: number | undefined;
}

const MAX_EXPIRES_SECONDS = 7 * 24 * 3600;

/** From the `Authorization` header. */
export function headerCredentials(request: S3Request, authorization: string): PresentedCredentials {
  const { headers } = request.raw;
  const fields = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(",")) {
    const at = part.indexOf("=");
    if (at !== -1) fields.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  const required = (name: string): string => {
    const value = fields.get(name);
    if (value !== undefined && value !== "") return value;
    const message = `The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.`;
    throw new S3Error("AuthorizationHeaderMalformed", { message });
  };
  const [credential, signedHeaders, signature] = ["Credential", "SignedHeaders", "Signature"].map(required) as [
    string,
    string,
    string,
  ];
  const amzDate = String(headers["x-amz-date"] ?? isoBasic(headers.date));
  const signedAt = parseAmzDate(amzDate);
  if (signedAt === undefined) {
    const message = "AWS authentication requires a valid Date or x-amz-date header";
    throw new S3Error("AccessDenied", { message });
  }
  const payloadHash = headers["x-amz-content-sha256"];
  if (payloadHash === undefined) {
    const message = "Missing required header for this request: x-amz-content-sha256";
    throw new S3Error("InvalidRequest", { message });
  }
  return {
    ...credentialParts(credential, amzDate, "AuthorizationHeaderMalformed"),
    amzDate,
    signedAt,
    signedHeaders: signedHeaders.split(";"),
    signature,
    payloadHash: String(payloadHash),
    sessionToken: headers["x-amz-security-token"]?.toString(),
    expiresSeconds: undefined,
  };
}

/** From the query of a presigned URL. */
export function queryCredentials({ query, raw }: S3Request): PresentedCredentials {
  const malformed = (message: string): S3Error => new S3Error("AuthorizationQueryParametersError", { message });
  const required = (name: string): string => {
    const value = query.get(name);
    if (value !== undefined) return value;
    throw malformed(
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  };
  if (required("X-Amz-Algorithm") !== ALGORITHM) throw malformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const amzDate = required("X-Amz-Date");
  const signedAt = parseAmzDate(amzDate);
  if (signedAt === undefined) throw malformed(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  const expiresSeconds = Number(required("X-Amz-Expires"));
  if (!Number.isInteger(expiresSeconds) || expiresSeconds < 0) {
    throw malformed("X-Amz-Expires should be a number");
  }
  if (expiresSeconds > MAX_EXPIRES_SECONDS) throw malformed("X-Amz-Expires must be less than a week (in seconds)");
  return {
    ...credentialParts(required("X-Amz-Credential"), amzDate, "AuthorizationQueryParametersError"),
    amzDate,
    signedAt,
    signedHeaders: required("X-Amz-SignedHeaders").split(";"),
    signature: required("X-Amz-Signature"),
    payloadHash:
      query.get("X-Amz-Content-Sha256") ?? raw.headers["x-amz-content-sha256"]?.toString() ?? UNSIGNED_PAYLOAD,
    sessionToken: query.get("X-Amz-Security-Token"),
    expiresSeconds,
  };
}

function credentialParts(
  credential: string,
  amzDate: string,
  code: "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError",
): { accessKeyId: string; scope: SigningScope } {
  const parts = credential.split("/");
  // An access key may itself contain slashes; what follows it has four parts.
  const [date = "", region = "", service = "", terminator = ""] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join("/");
  if (accessKeyId === "" || terminator !== "aws4_request") {
    const message = `The Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`;
    throw new S3Error(code, { message });
  }
  if (service !== "s3") {
    throw new S3Error(code, {
      message: `Error parsing the Credential; incorrect service "${service}". This endpoint belongs to "s3".`,
    });
  }
  if (!amzDate.startsWith(date)) {
    const message = `Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${amzDate.slice(0, 8)}".`;
    throw new S3Error(code, { message });
  }
  return { accessKeyId, scope: { date, region, service } };
}

function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function isoBasic(date: string | undefined): string {
  const time = Date.parse(date ?? "");
  return Number.isNaN(time) ? "" : new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}
