import { appendLines } from "../results/result-file";
import type { BenchmarkContext, BenchmarkLine, Direction, SystemName } from "../results/line";

export interface MeasureOptions {
  /** Runs whose times are thrown away; 1 when not given. */
  readonly warmUps?: number;
  /** Runs whose times are recorded; 5 when not given. */
  readonly repetitions?: number;
  /** Before each run, outside of what is measured. */
  readonly before?: (round: number) => Promise<void>;
}

export interface BenchmarkGround {
  /** Where the lines go. */
  readonly file: string;
  readonly name: string;
  /** Called at the first value, for a system can say what it is only when it runs. */
  readonly context: (system: SystemName) => BenchmarkContext;
  /** Told of every value, for reports of other forms. */
  readonly onLine: (line: BenchmarkLine) => void;
  /** Lets the other side of a comparison work, until it is this one's turn again. */
  readonly nextTurn?: (() => Promise<void>) | undefined;
}

/** What a benchmark says its numbers to. Each is written at once, outside of what is measured. */
export class Benchmark {
  system: SystemName = "neon";
  readonly #ground: BenchmarkGround;
  #context: BenchmarkContext | undefined;
  #parameters: Record<string, string | number> = {};
  #versions: Record<string, string> = {};
  #engine: string | undefined;
  #isMeasuring = false;

  constructor(ground: BenchmarkGround) {
    this.#ground = ground;
  }

  /** What all values from here on were measured with; values of other parameters are another series. */
  with(parameters: Readonly<Record<string, string | number>>): this {
    this.#parameters = { ...this.#parameters, ...parameters };
    return this;
  }

  /** What the measured system says that it is, where that is not the run's engine. */
  describeSystem({ engine, versions }: { engine?: string; versions: Readonly<Record<string, string>> }): void {
    this.#engine = engine ?? this.#engine;
    this.#versions = { ...this.#versions, ...versions };
    this.#context = undefined;
  }

  /** `node` where the value is about one process of the system, not about what the benchmark does. */
  record(name: string, value: number, unit: string, direction: Direction, node?: string): void {
    this.#write([this.#lineOf({ name, value, unit, direction, ...(node === undefined ? {} : { node }) })]);
  }

  #lineOf(measured: Pick<BenchmarkLine, "name" | "value" | "unit" | "direction" | "node">): BenchmarkLine {
    return {
      ...(this.#context ??= this.#newContext()),
      version: 1,
      at: Date.now(),
      benchmark: this.#ground.name,
      system: this.system,
      parameters: this.#parameters,
      ...measured,
    };
  }

  #write(lines: readonly BenchmarkLine[]): void {
    appendLines(this.#ground.file, lines);
    for (const line of lines) this.#ground.onLine(line);
  }

  /**
   * For the beginning of each of several measurements: where two systems are compared, the other one makes its own before
   * this goes on. `recordDuration` and `measure` do it by themselves; inside of what they measure it does nothing.
   */
  async turn(): Promise<void> {
    if (!this.#isMeasuring) await this.#ground.nextTurn?.();
  }

  /** Goes on in the turn that it has: for measurements that mean nothing if the system is given time in between. */
  async inOneTurn<T>(work: () => Promise<T>): Promise<T> {
    return (await this.#time(work)).result;
  }

  /** Seconds that the work took, whether they are asked for or not. */
  async recordDuration<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.turn();
    const { seconds, result } = await this.#time(work);
    this.record(name, seconds, "s", "lower");
    return result;
  }

  /** The same work several times: its seconds, one value per repetition, without those of the warm-up. */
  async measure(name: string, work: (round: number) => Promise<void>, options: MeasureOptions = {}): Promise<number[]> {
    const { warmUps = 1, repetitions = 5, before } = options;
    const seconds: number[] = [];
    for (let round = 0; round < warmUps + repetitions; round += 1) {
      await this.turn();
      await before?.(round);
      const { seconds: elapsed } = await this.#time(() => work(round));
      if (round >= warmUps) seconds.push(elapsed);
    }
    this.#write(seconds.map((value) => this.#lineOf({ name, value, unit: "s", direction: "lower" })));
    return seconds;
  }

  async #time<T>(work: () => Promise<T>): Promise<{ seconds: number; result: T }> {
    const isWithin = this.#isMeasuring;
    this.#isMeasuring = true;
    try {
      const begin = performance.now();
      const result = await work();
      return { seconds: (performance.now() - begin) / 1000, result };
    } finally {
      this.#isMeasuring = isWithin;
    }
  }

  #newContext(): BenchmarkContext {
    const context = this.#ground.context(this.system);
    const versions = { ...context.versions, ...this.#versions };
    return { ...context, engine: this.#engine ?? context.engine, versions };
  }
}
