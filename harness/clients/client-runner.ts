import { HarnessError } from "../types";
import type { Driver } from "./driver";
import { prepareOnHost } from "./host-runner";
import { Unobtainable } from "./install";
import type { ProgramEnd } from "./run-program";
import type { ClientTarget } from "./target";
import { missingTools } from "./toolchain";

export type RunnerKind = "host" | "container";

/** A program that can be run, or why it can't. */
export type Prepared = PreparedProgram | { readonly skip: string };

export interface PreparedProgram {
  readonly kind: RunnerKind;
  /** The name by which it reaches the target. */
  readonly hostOf: (target: ClientTarget) => string;
  /** Runs it to its end, or to the end of its time. */
  readonly run: (options: RunOptions) => Promise<ProgramEnd>;
}

export interface RunOptions {
  readonly target: ClientTarget;
  readonly slotMs: number;
  /** For the authority's certificate and the like; it is made. */
  readonly scratch: string;
}

/** Runs drivers' programs: `host` with the toolchains of this machine, `container` with Docker, `auto` whichever is there. */
export class ClientRunner {
  readonly #asked: RunnerKind | "auto";
  readonly #prepared = new Map<string, Promise<Prepared>>();

  constructor(asked: RunnerKind | "auto") {
    this.#asked = asked;
  }

  /** Reads what `--runner` has set. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env): ClientRunner {
    const asked = env["NEON_TEST_CLIENT_RUNNER"] || "auto";
    if (asked === "host" || asked === "container" || asked === "auto") return new ClientRunner(asked);
    throw new HarnessError("BAD_ENV", {
      summary: "there is no such runner for client programs",
      expected: "NEON_TEST_CLIENT_RUNNER=host, container or auto",
      found: asked,
      todo: "set it by --runner",
    });
  }

  /** Installs the dependencies, or builds the image: before the program's time begins. */
  prepare(driver: Driver): Promise<Prepared> {
    const known = this.#prepared.get(driver.name) ?? this.#prepare(driver);
    this.#prepared.set(driver.name, known);
    return known;
  }

  async #prepare(driver: Driver): Promise<Prepared> {
    const onHost = this.#asked === "container" ? "not asked for" : await missingTools(driver);
    try {
      if (onHost === undefined) return await prepareOnHost(driver);
      if (this.#asked === "host") return { skip: onHost };
      const { prepareContainer } = await import("./container-runner");
      const prepared = await prepareContainer(driver);
      return "skip" in prepared && this.#asked === "auto" ? { skip: `${onHost}; or ${prepared.skip}` } : prepared;
    } catch (error) {
      // Who names a runner wants to know that it doesn't work.
      if (this.#asked === "auto" && error instanceof Unobtainable) return { skip: error.message };
      throw error;
    }
  }
}
