import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

type Collect = (options: { type: "minor" }) => void;

let collect: Collect | undefined;

function load(): Collect {
  // The function is there only with this flag, and only in contexts made after it was set.
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}

/** V8 lets tens of megabytes of dead buffers lie before it looks for them; after so many bytes it is made to. */
export class YoungGarbage {
  readonly #every: number;
  #bytes = 0;

  constructor(everyBytes: number) {
    this.#every = everyBytes;
  }

  /** Notes that buffers of so many bytes were allocated and are of no use any more. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < this.#every) return;
    this.#bytes = 0;
    collect ??= load();
    collect({ type: "minor" });
  }
}
