import { lineOf, paint } from "./display";
import type { Display, EndedTest } from "./display";

const REDRAW_EVERY_MS = 250;
const CLEAR_LINE_AND_BELOW = "\r\u001b[J";
const up = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A`);

/** For a terminal: the lines of what has ended, and below them what runs now, how long, and how many are left. */
export class LiveDisplay implements Display {
  readonly #screen: NodeJS.WriteStream;
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Map<string, number>();
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };
  readonly #began = performance.now();
  #expected = 0;
  #drawn = 0;

  constructor(screen: NodeJS.WriteStream = process.stdout) {
    this.#screen = screen;
    this.#timer = setInterval(() => this.#redraw(), REDRAW_EVERY_MS);
    this.#timer.unref();
  }

  write(stream: NodeJS.WriteStream, text: string): void {
    this.#erase();
    stream.write(text.endsWith("\n") ? text : `${text}\n`);
    this.#draw();
  }

  expect(tests: number): void {
    this.#expected = tests;
  }

  started(name: string): void {
    this.#running.set(name, performance.now());
    this.#redraw();
  }

  ended(test: EndedTest): void {
    this.#running.delete(test.name);
    this.#counts[test.status] += 1;
    this.write(this.#screen, lineOf(test));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #redraw(): void {
    this.#erase();
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn > 0) this.#screen.write(`${up(this.#drawn - 1)}${CLEAR_LINE_AND_BELOW}`);
    this.#drawn = 0;
  }

  #draw(): void {
    const lines = [...this.#runningLines(), this.#countLine()];
    this.#screen.write(lines.join("\n"));
    this.#drawn = lines.length;
  }

  #runningLines(): string[] {
    const width = this.#screen.columns ?? 80;
    return [...this.#running].map(([name, since]) => {
      const seconds = `${((performance.now() - since) / 1000).toFixed(0)} s`.padStart(6);
      return `${seconds}  ${name}`.slice(0, width - 1);
    });
  }

  #countLine(): string {
    const { passed, failed, skipped } = this.#counts;
    const done = passed + failed + skipped;
    const left = Math.max(0, this.#expected - done);
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(0);
    const bad = failed === 0 ? "0 failed" : paint("failed", `${failed} failed`);
    return `${seconds.padStart(4)} s  ${passed} passed, ${bad}, ${skipped} skipped, ${left} left`;
  }
}
