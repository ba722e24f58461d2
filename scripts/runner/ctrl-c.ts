import type { ChildProcess } from "node:child_process";

/** Below this, a second SIGINT is the first one again: npx passes on what the terminal has sent to everybody. */
export const INSISTS_AFTER_MS = 500;

type Killable = Pick<ChildProcess, "kill">;

/**
 * SIGINT, whoever sends it: a terminal, `kill`, or a program that started us. The child stands in a process group of its
 * own and hears of it through here, once, and once more when a person insists.
 */
export class CtrlC {
  #pressedAt: number | undefined;
  #child: Killable | undefined;

  constructor() {
    process.on("SIGINT", () => this.#press());
  }

  get pressed(): boolean {
    return this.#pressedAt !== undefined;
  }

  passTo(child: Killable): void {
    this.#child = child;
  }

  #press(): void {
    const now = performance.now();
    if (this.#pressedAt !== undefined && now - this.#pressedAt < INSISTS_AFTER_MS) return;
    this.#pressedAt = now;
    this.#child?.kill("SIGINT");
  }
}
