import { errnoOf, HarnessError, messageOfUnknown } from "../../types";

/**
 * An answer outside 2xx. `reason` is Neon's `{"msg": …}` (compute_ctl: `{"error": …}`), or else the plain body; it is
 * empty where the body is.
 */
export class HttpStatusError extends HarnessError {
  readonly status: number;
  readonly reason: string;

  constructor(component: string, call: string, status: number, reason: string) {
    super("HTTP_ERROR", {
      summary: `${component} answered ${status} to ${call}${reason === "" ? "" : `: ${reason}`}`,
      facts: { component, call, status, reason },
    });
    this.status = status;
    this.reason = reason;
  }
}

/** An answer outside 2xx, with this status where one is given. */
export function isHttpStatus(error: unknown, status?: number): error is HttpStatusError {
  return error instanceof HttpStatusError && (status === undefined || error.status === status);
}

/** No answer: refused, reset or late. A HarnessError HTTP_ERROR without a status. */
export function noAnswerError(component: string, call: string, expected: string, cause: unknown): HarnessError {
  return new HarnessError("HTTP_ERROR", {
    summary: `${component} did not answer ${call}`,
    expected,
    found: messageOfUnknown(cause),
    cause,
    facts: { component, call, ...errnoFact(cause) },
  });
}

function errnoFact(cause: unknown): { errno?: string } {
  const errno = errnoOf(cause);
  return errno === undefined ? {} : { errno };
}

/** Nobody listens there: the node is not up, or not any more. */
export function isConnectionRefused(error: unknown): boolean {
  return HarnessError.is(error, "HTTP_ERROR") && errnoOf(error.cause) === "ECONNREFUSED";
}

/** What the body of a failure says. */
export function reasonOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    // reload_auth_validation_keys answers 400 with `null` where authentication is off.
    if (parsed === null) return "";
    if (typeof parsed === "object" && "msg" in parsed) return String(parsed.msg);
    if (typeof parsed === "object" && "error" in parsed) return String(parsed.error);
    return text;
  } catch {
    return text.trim();
  }
}
