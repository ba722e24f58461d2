import { HarnessError, messageOfUnknown } from "../types";

export interface HttpCall {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** Budget of the whole call in ms; 30 s when not given. */
  timeoutMs?: number;
}

/** An answer outside 2xx, with Neon's `{"msg": …}` as `reason`. */
export class HttpStatusError extends HarnessError {
  readonly status: number;
  readonly reason: string;

  constructor(component: string, call: string, status: number, reason: string) {
    super("HTTP_ERROR", {
      summary: `${component} answered ${status} to ${call}: ${reason}`,
      facts: { component, call, status, reason },
    });
    this.status = status;
    this.reason = reason;
  }
}

/** JSON over HTTP to one node. A refused connection or a time-out is a HarnessError HTTP_ERROR too, without a status. */
export class HttpClient {
  readonly component: string;
  readonly baseUrl: string;
  readonly #headers: Record<string, string>;

  constructor(component: string, baseUrl: string, authToken?: string) {
    this.component = component;
    this.baseUrl = baseUrl;
    this.#headers = authToken === undefined ? {} : { authorization: `Bearer ${authToken}` };
  }

  async json<T>(path: string, call: HttpCall = {}): Promise<T> {
    const text = await this.text(path, call);
    return (text === "" ? null : JSON.parse(text)) as T;
  }

  async text(path: string, call: HttpCall = {}): Promise<string> {
    const method = call.method ?? "GET";
    const url = this.#url(path, call.query);
    const response = await this.#fetch(url, method, call);
    const text = await response.text();
    if (!response.ok) {
      throw new HttpStatusError(this.component, `${method} ${url.pathname}`, response.status, reasonOf(text));
    }
    return text;
  }

  #url(path: string, query: HttpCall["query"] = {}): URL {
    const url = new URL(path, this.baseUrl);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    return url;
  }

  async #fetch(url: URL, method: string, call: HttpCall): Promise<Response> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const contentType: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const timeoutMs = call.timeoutMs ?? 30_000;
    try {
      return await fetch(url, {
        method,
        headers: { ...this.#headers, ...contentType },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body }),
      });
    } catch (cause) {
      const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
      throw new HarnessError("HTTP_ERROR", {
        summary: `${this.component} did not answer ${method} ${url.pathname}`,
        expected: `an answer within ${timeoutMs} ms from ${url.host}`,
        found: messageOfUnknown(inner),
        cause,
        facts: { component: this.component, method, path: url.pathname },
      });
    }
  }
}

function reasonOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) {
      if ("msg" in parsed) return String(parsed.msg);
      if ("error" in parsed) return String(parsed.error);
    }
    return text;
  } catch {
    return text;
  }
}
