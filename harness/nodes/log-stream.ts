import { closeSync, openSync, readSync, watch } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { hideSecrets } from "../types";

/** Shows a node's log as it grows, each line with the node's name; for `neon-test -s`. */
export class LogStream implements Disposable {
  readonly #name: string;
  readonly #fd: number;
  readonly #watcher: ReturnType<typeof watch>;
  readonly #decoder = new StringDecoder("utf8");
  #offset = 0;
  #unfinished = "";

  private constructor(name: string, path: string) {
    this.#name = name;
    this.#fd = openSync(path, "r");
    this.#watcher = watch(path, () => this.#show());
    this.#watcher.unref();
  }

  /** A stream when the run asks for it; the log must exist. */
  static ifWanted(name: string, path: string): LogStream | undefined {
    return process.env["NEON_TEST_STREAM_LOGS"] === "1" ? new LogStream(name, path) : undefined;
  }

  /** From its beginning. */
  static follow(name: string, path: string): LogStream {
    const stream = new LogStream(name, path);
    stream.#show();
    return stream;
  }

  #show(): void {
    const chunk = Buffer.alloc(64 * 1024);
    for (;;) {
      const length = readSync(this.#fd, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      const lines = (this.#unfinished + this.#decoder.write(chunk.subarray(0, length))).split("\n");
      this.#unfinished = lines.pop() ?? "";
      for (const line of lines) process.stderr.write(`[${this.#name}] ${hideSecrets(line)}\n`);
    }
  }

  [Symbol.dispose](): void {
    this.#show();
    this.#watcher.close();
    closeSync(this.#fd);
  }
}
