import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

type Callback = (error: NodeJS.ErrnoException | null) => void;

/** Holds every fdatasync of this process back until it is let go. Real files, real calls, only later. */
export class FdatasyncGate implements Disposable {
  readonly #original = fs.fdatasync;
  #held: (() => void)[] = [];
  #open = false;
  calls = 0;

  constructor() {
    const held = (fd: number, callback: Callback): void => {
      this.calls += 1;
      const go = (): void => this.#original(fd, callback);
      if (this.#open) go();
      else this.#held.push(go);
    };
    this.#install(held as typeof fs.fdatasync);
  }

  get waiting(): number {
    return this.#held.length;
  }

  /** Lets go what waits and what comes. */
  open(): void {
    this.#open = true;
    for (const go of this.#held.splice(0)) go();
  }

  [Symbol.dispose](): void {
    this.open();
    this.#install(this.#original);
  }

  #install(fdatasync: typeof fs.fdatasync): void {
    fs.fdatasync = fdatasync;
    syncBuiltinESMExports();
  }
}
