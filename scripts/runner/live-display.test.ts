import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { LiveDisplay } from "./reporter/live-display";

const ESCAPE = "\u001b";

/** Enough of a terminal to see what a person sees: lines, carriage return, cursor up, erase below. */
class Terminal extends Writable {
  readonly columns = 60;
  #lines: string[] = [""];
  #row = 0;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const part of chunk.toString().split(new RegExp(`(\\n|\\r|${ESCAPE}\\[\\d*[A-Zm])`))) this.#take(part);
    done();
  }

  get text(): string {
    return this.#lines.join("\n").trimEnd();
  }

  #take(part: string): void {
    const [, count = "", command] = new RegExp(`^${ESCAPE}\\[(\\d*)([A-Z])$`).exec(part) ?? [];
    if (command === "A") this.#row -= Number(count || 1);
    else if (command === "J") this.#lines.splice(this.#row, Infinity, "");
    else if (part === "\n") this.#lines[(this.#row += 1)] ??= "";
    else if (part !== "\r" && !part.startsWith(ESCAPE)) this.#lines[this.#row] += part;
  }
}

test("a terminal shows what has ended, what runs, and how many are left, and nothing twice", () => {
  const terminal = new Terminal();
  const display = new LiveDisplay(terminal as unknown as NodeJS.WriteStream);
  display.expect(3);
  display.started("a > one");
  display.started("a > two");
  display.write(terminal as unknown as NodeJS.WriteStream, "[pageserver-1] hello");
  display.ended({ name: "a > one", status: "passed", durationMs: 1234, kept: "out/a-one" });
  display.started(`a > ${"three ".repeat(30)}`);
  expect(terminal.text.split("\n")).toEqual([
    "[pageserver-1] hello",
    "pass  a > one  1.23 s",
    "      kept: out/a-one",
    "   0 s  a > two",
    expect.stringMatching(/^ {3}0 s {2}a > three three .{1,50}$/),
    "   0 s  1 passed, 0 failed, 0 skipped, 2 left",
  ]);
  display.ended({ name: "a > two", status: "failed", durationMs: 10 });
  display.close();
  expect(terminal.text).toMatch(/^\[pageserver-1\] hello\npass .*\n.*\nFAIL {2}a > two {2}0\.01 s$/);
});
