const MOST_CHARACTERS = 64 * 1024;

/** What each test wrote to the console; the beginning, where it is long. */
export class ConsoleCapture {
  readonly #texts = new Map<string, string>();

  add(testId: string, text: string): void {
    const before = this.#texts.get(testId) ?? "";
    if (before.length < MOST_CHARACTERS) this.#texts.set(testId, (before + text).slice(0, MOST_CHARACTERS));
  }

  take(testId: string): string {
    const text = this.#texts.get(testId) ?? "";
    this.#texts.delete(testId);
    return text;
  }
}
