/** Below this, a second signal is the first one again: npx passes on what the terminal has sent to everybody. */
export const INSISTS_AFTER_MS = 500;

/** A tear-down that hangs must not keep a person waiting, nor a CI that sends SIGKILL next. */
const ORDERLY_END_MS = 15_000;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

type Signal = keyof typeof SIGNALS;

/**
 * SIGINT, SIGTERM and SIGHUP, whoever sends them: the first asks for an orderly end, a second one ends this process at
 * once, and the reaper clears up.
 */
export class Interruption {
  #signal: Signal | undefined;
  #at = 0;
  #onAsked: (() => void) | undefined;

  constructor() {
    for (const signal of Object.keys(SIGNALS) as Signal[]) process.on(signal, () => this.#receive(signal));
  }

  /** By convention 128 and the signal's number; undefined while nobody has asked. */
  get exitCode(): number | undefined {
    return this.#signal === undefined ? undefined : SIGNALS[this.#signal];
  }

  get asked(): boolean {
    return this.#signal !== undefined;
  }

  /** Calls `end` when somebody asks, or now when somebody has. */
  onAsked(end: () => void): void {
    this.#onAsked = end;
    if (this.asked) end();
  }

  #giveUp(signal: Signal): void {
    process.stderr.write(
      `neon-test: the tests did not end within ${ORDERLY_END_MS / 1000} s of ${signal}; killing them\n`,
    );
    process.exit(SIGNALS[signal]);
  }

  #receive(signal: Signal): void {
    const now = performance.now();
    if (this.#signal === undefined) {
      this.#signal = signal;
      this.#at = now;
      this.#onAsked?.();
      setTimeout(() => this.#giveUp(signal), ORDERLY_END_MS).unref();
    } else if (now - this.#at >= INSISTS_AFTER_MS) {
      process.exit(SIGNALS[signal]);
    }
  }
}
