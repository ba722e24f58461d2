import { pollUntil } from "../wait";
import { compareAnswers } from "./compare-answers";
import type { Answer } from "./compare-answers";
import type { CallResult } from "./difference";
import { isEventual, raceOf, whyNotMade } from "./call-facts";
import type { RecordedCall } from "./recording";
import type { Translation } from "./translate";

const BUDGET_MS = 60_000;
const SETTLE_MS = 10_000;

/** Makes recorded HTTP calls in their order and compares each answer with the recorded one. */
export class HttpReplay {
  readonly #translation: Translation;
  readonly #statusDiffers = new Set<string>();

  constructor(translation: Translation) {
    this.#translation = translation;
  }

  async replay(calls: readonly RecordedCall[]): Promise<CallResult[]> {
    const results: CallResult[] = [];
    for (const call of calls) results.push(await this.#one(call));
    return results;
  }

  async #one(call: RecordedCall): Promise<CallResult> {
    const result: CallResult = { name: call.name, group: call.node, differences: [] };
    const notReplayed = whyNotMade(call.name, this.#statusDiffers);
    if (notReplayed !== undefined) return { ...result, notReplayed };
    const answer = await this.#answerTo(call);
    const race = raceOf(call.name, answer.status);
    if (race !== undefined) return { ...result, notReplayed: race };
    if (answer.status !== call.status) this.#statusDiffers.add(call.name);
    return { ...result, differences: compareAnswers(call, answer) };
  }

  async #answerTo(call: RecordedCall): Promise<Answer> {
    if (isEventual(call.name)) return this.#settled(call);
    const answer = await this.#make(call);
    if (call.path !== "/metrics") return answer;
    // Which safekeeper a pageserver reads from is its own choice, and some metrics are there only on that one.
    for (const port of this.#translation.portsLike(call.port).slice(1)) {
      answer.body += `\n${(await this.#make(call, port)).body}`;
    }
    return answer;
  }

  /** The first answer with the recorded status, or the last of all. */
  async #settled(call: RecordedCall): Promise<Answer> {
    let last: Answer | undefined;
    const probe = async (): Promise<Answer | undefined> => {
      last = await this.#make(call);
      return last.status === call.status ? last : undefined;
    };
    try {
      return await pollUntil(`${call.name} to answer ${call.status}`, probe, { budgetMs: SETTLE_MS });
    } catch (error) {
      if (last === undefined) throw error;
      return last;
    }
  }

  async #make(call: RecordedCall, port = this.#translation.port(call.port)): Promise<Answer> {
    const url = `http://127.0.0.1:${port}${this.#translation.text(call.path)}`;
    const body = call.body === "" ? {} : { body: this.#translation.text(call.body) };
    const headers: Record<string, string> = call.body === "" ? {} : { "content-type": "application/json" };
    try {
      const signal = AbortSignal.timeout(BUDGET_MS);
      const response = await fetch(url, { method: call.method, headers, signal, ...body });
      const contentType = response.headers.get("content-type") ?? undefined;
      return { status: response.status, contentType, body: (await response.text()).trimEnd() };
    } catch (error) {
      // A connection that closes without an answer is an answer, too: one of the recorded calls ended so.
      return { status: 0, contentType: undefined, body: error instanceof Error ? error.message : String(error) };
    }
  }
}
