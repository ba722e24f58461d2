import { Listeners } from "./listeners";

export interface FailpointConfig {
  name: string;
  actions: string;
}

const ACTION = /^(off|pause|sleep\((\d+)\))$/;

/** Named places at which tests hold the safekeeper up: `off`, `pause`, `sleep(ms)`. Other actions are refused. */
export class Failpoints {
  readonly #actions = new Map<string, string>();
  readonly #changed = new Listeners();

  /** Throws for an action that is not known. */
  configure({ name, actions }: FailpointConfig): void {
    if (!ACTION.test(actions)) throw new Error(`failpoint action ${actions} is not supported`);
    if (actions === "off") this.#actions.delete(name);
    else this.#actions.set(name, actions);
    this.#changed.notify();
  }

  /** Returns at once unless the failpoint is on; a pause ends when it is switched off or `signal` aborts. */
  async at(name: string, signal: AbortSignal): Promise<void> {
    const action = this.#actions.get(name);
    if (action === undefined || signal.aborted) return;
    const delay = Number(ACTION.exec(action)?.[2] ?? Number.NaN);
    await new Promise<void>((resolve) => {
      const timer = Number.isNaN(delay) ? undefined : setTimeout(() => go(), delay);
      const forget = this.#changed.add(() => {
        if (this.#actions.get(name) !== action) go();
      });
      const go = (): void => {
        clearTimeout(timer);
        forget();
        signal.removeEventListener("abort", go);
        resolve();
      };
      signal.addEventListener("abort", go);
    });
  }
}
