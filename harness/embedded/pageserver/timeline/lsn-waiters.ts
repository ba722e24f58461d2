import type { Lsn } from "../../../types";

/** The WAL did not arrive in time. */
export class LsnTimeoutError extends Error {}

interface Waiter {
  readonly lsn: Lsn;
  readonly settle: (error?: Error) => void;
}

/** Everybody who waits for a timeline's last record to reach an LSN. */
export class LsnWaiters {
  readonly #waiters = new Set<Waiter>();

  /** Resolves when `advance` reaches `lsn`; rejects after `timeoutMs` with what `describe` says, or when the signal aborts. */
  wait(
    lsn: Lsn,
    options: { timeoutMs: number; signals: readonly AbortSignal[]; describe: () => string },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
        for (const signal of options.signals) signal.removeEventListener("abort", cancel);
        if (error === undefined) resolve();
        else reject(error);
      };
      const cancel = (): void => settle(new Error("cancelled"));
      const waiter: Waiter = { lsn, settle };
      const timer = setTimeout(() => settle(new LsnTimeoutError(options.describe())), options.timeoutMs);
      this.#waiters.add(waiter);
      for (const signal of options.signals) signal.addEventListener("abort", cancel, { once: true });
      if (options.signals.some((signal) => signal.aborted)) cancel();
    });
  }

  advance(lastRecordLsn: Lsn): void {
    for (const waiter of this.#waiters) {
      if (waiter.lsn <= lastRecordLsn) waiter.settle();
    }
  }

  get size(): number {
    return this.#waiters.size;
  }
}
