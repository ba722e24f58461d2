import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { pollUntil } from "./poll-until";
import type { PollAttempt } from "./poll-until";
import type { Readiness } from "./readiness";

export interface HttpReadinessOptions {
  /** Default 200. */
  readonly status?: number | readonly number[] | undefined;
  /** Never quoted in messages, for they may hold a token. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Time for one try, default 1000 ms: a server that accepts and says nothing is asked again. */
  readonly tryMs?: number | undefined;
}

const DEFAULT_TRY_MS = 1000;

/** A GET of this URL answers with this status. Refused connections are just "not yet". */
export function http(url: string, options: HttpReadinessOptions = {}): Readiness {
  const wanted = [options.status ?? 200].flat();
  const name = `GET ${url} answers ${wanted.join(" or ")}`;
  return {
    name,
    wait: async (context) => {
      const probe = async ({ observed, signal }: PollAttempt) => {
        const status = await statusOf(url, options, signal);
        observed(`HTTP ${status}`);
        return wanted.includes(status);
      };
      await pollUntil(name, probe, context);
    },
  };
}

/** One request on a connection of its own, so that a wait leaves no idle connection behind. */
async function statusOf(url: string, options: HttpReadinessOptions, over: AbortSignal): Promise<number> {
  const tryMs = options.tryMs ?? DEFAULT_TRY_MS;
  const get = url.startsWith("https:") ? getHttps : getHttp;
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { ...options.headers }, agent: false, signal: over }, (response) => {
      clearTimeout(timer);
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${tryMs} ms`)), tryMs);
    request.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
