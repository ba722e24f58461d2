/** An answer other than success, with the text that Neon's daemons put into `{"msg": …}`. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** 400. Neon prints this one in Rust's debug format, so the text comes out in quotes. */
export function badRequest(message: string): ApiError {
  return new ApiError(400, `"${message.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
}

export function forbidden(message: string): ApiError {
  return new ApiError(403, `Forbidden: ${message}`);
}

export function notFound(what: string): ApiError {
  return new ApiError(404, `NotFound: ${what}`);
}

export function conflict(message: string): ApiError {
  return new ApiError(409, `Conflict: ${message}`);
}

export function preconditionFailed(message: string): ApiError {
  return new ApiError(412, `Precondition failed: ${message}`);
}

export function tooManyRequests(message: string): ApiError {
  return new ApiError(429, message);
}

/** 503, "not now". */
export function unavailable(message: string): ApiError {
  return new ApiError(503, message);
}

/** 500. Logged at error, unlike the others. */
export function internal(message: string): ApiError {
  return new ApiError(500, message);
}
