import { type Random, randomFrom } from "../../../types";
import type { Cluster } from "./cluster";
import type { ComputeProcess } from "./compute-process";

const WRITERS = 4;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Generations of computes that end badly while they write; each next one must have what they acknowledged. It kills the
 * compute, its Postgres, one or two safekeepers before that, or leaves it alive while the next one is elected.
 */
export class CrashLoop {
  readonly acknowledged = new Set<number>();
  readonly #tried = new Set<number>();
  readonly #cluster: Cluster;
  readonly #random: Random;
  #next = 1;

  constructor(cluster: Cluster, seed: number) {
    this.#cluster = cluster;
    this.#random = randomFrom(seed);
  }

  /** Throws when a row is lost, or one is there that nobody wrote. */
  async run(generations: number): Promise<void> {
    let compute = await this.#cluster.startCompute();
    await compute.query("create table t(i int primary key, pad text)");
    for (let generation = 1; generation <= generations; generation += 1) {
      const stop = new AbortController();
      const writers = Array.from({ length: WRITERS }, (_each, index) => this.#write(compute, index === 0, stop.signal));
      await pause(100 + this.#random(200));
      await this.#disturbSafekeepers();
      const goesOn = this.#random(3) === 0;
      if (!goesOn) await this.#killCompute(compute);
      await this.#restoreMajority();
      const next = await this.#cluster.startCompute();
      if (goesOn) await compute.exited;
      stop.abort();
      await Promise.all(writers);
      await this.#check(next, generation);
      await compute.destroy();
      compute = next;
    }
  }

  async #write(compute: ComputeProcess, largeRows: boolean, stop: AbortSignal): Promise<void> {
    const pieces = largeRows ? 3000 : 1;
    try {
      const connection = await compute.connect();
      while (!stop.aborted) {
        const row = this.#next++;
        this.#tried.add(row);
        const pad = `select string_agg(md5((i * ${row})::text), '') from generate_series(1, ${pieces}) i`;
        await connection.query(`insert into t values (${row}, (${pad}))`);
        this.acknowledged.add(row);
      }
      connection.destroy();
    } catch {
      // Killed: the row is neither acknowledged nor certainly gone.
    }
  }

  async #disturbSafekeepers(): Promise<void> {
    const victim = this.#random(3);
    const kills = this.#random(3);
    for (let kill = 0; kill < kills; kill += 1) {
      await this.#cluster.killSafekeeper((victim + kill) % 3);
      await pause(this.#random(100));
      if (this.#random(3) === 0) await this.#cluster.startSafekeeper((victim + kill) % 3);
    }
  }

  async #killCompute(compute: ComputeProcess): Promise<void> {
    if (this.#random(2) === 0) {
      compute.signal("SIGKILL");
      await compute.exited;
    }
    compute.signalPostmaster("SIGKILL");
  }

  /** Not always all three: the next compute must also come up with two. */
  async #restoreMajority(): Promise<void> {
    for (const index of [0, 1, 2]) {
      const needed = this.#cluster.livingPorts().length < 2;
      if (!this.#cluster.isAlive(index) && (needed || this.#random(2) === 0))
        await this.#cluster.startSafekeeper(index);
    }
  }

  async #check(compute: ComputeProcess, generation: number): Promise<void> {
    const found = new Set((await compute.query("select i from t")).map(([row]) => Number(row)));
    const lost = [...this.acknowledged].filter((row) => !found.has(row));
    const invented = [...found].filter((row) => !this.#tried.has(row));
    if (lost.length + invented.length > 0) {
      throw new Error(
        `generation ${generation}: lost ${lost.join()}, never written ${invented.join()}\n${compute.log}`,
      );
    }
    for (const row of found) this.acknowledged.add(row);
    await Promise.all([0, 1, 2].map((index) => this.#cluster.ensureSafekeeper(index)));
  }
}
