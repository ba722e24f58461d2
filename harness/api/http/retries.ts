import { HarnessError } from "../../types";
import { pollUntil } from "../../wait";
import { isConnectionRefused, isHttpStatus } from "./errors";

/** Ask again on 503 and on a refused connection, for this long; every other failure ends the call at once. */
export interface Retries {
  readonly budgetMs: number;
  /** POST and PATCH are repeated only where the caller says that twice is as good as once. */
  readonly idempotent?: true;
}

const NATURALLY_IDEMPOTENT = ["GET", "PUT", "DELETE"];

/** The first answer; when the budget is over the last failure, with its status, rather than a time-out of the wait. */
export async function withRetries<T>(
  component: string,
  call: string,
  retries: Retries,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  assertRepeatable(call, retries);
  let last: unknown;
  try {
    const { answer } = await pollUntil(
      call,
      async ({ signal, fail }) => {
        try {
          return { answer: await attempt(signal) };
        } catch (error) {
          if (!isRetryable(error)) return fail(error instanceof Error ? error : new Error(String(error)));
          last = error;
          return undefined;
        }
      },
      { component, budgetMs: retries.budgetMs },
    );
    return answer;
  } catch (error) {
    if (HarnessError.is(error, "WAIT_TIMEOUT") && last !== undefined) throw last;
    throw error;
  }
}

const isRetryable = (error: unknown): boolean => isHttpStatus(error, 503) || isConnectionRefused(error);

function assertRepeatable(call: string, retries: Retries): void {
  const [method = ""] = call.split(" ");
  if (retries.idempotent === true || NATURALLY_IDEMPOTENT.includes(method)) return;
  throw new HarnessError("MISUSE", {
    summary: `${call} may not be repeated`,
    todo: "add `idempotent: true` to its retries where twice is as good as once",
  });
}
