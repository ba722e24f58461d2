import type { Readiness } from "./readiness";

/** All of them, at the same time and within one budget; the first that fails ends the others. */
export function all(...parts: readonly Readiness[]): Readiness {
  return {
    name: parts.map((part) => part.name).join(", and "),
    wait: async (context) => {
      const failed = new AbortController();
      const signal = context.signal === undefined ? failed.signal : AbortSignal.any([context.signal, failed.signal]);
      await Promise.all(
        parts.map(async (part) => {
          await part.wait({ ...context, signal }).catch((error: unknown) => {
            failed.abort(error);
            throw error;
          });
        }),
      );
    },
  };
}
