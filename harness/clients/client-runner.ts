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
    if (this.#asked === "container") return inContainer(driver);
    const missing = await missingTools(driver);
    if (this.#asked === "host") return missing === undefined ? prepareOnHost(driver) : { skip: missing };
    const onHost = missing === undefined ? await orSkip(() => prepareOnHost(driver)) : { skip: missing };
    if (!("skip" in onHost)) return onHost;
    const contained = await orSkip(() => inContainer(driver));
    return "skip" in contained ? { skip: `${onHost.skip}; or ${contained.skip}` } : contained;
  }
}

async function inContainer(driver: Driver): Promise<Prepared> {
  const { prepareContainer } = await import("./container-runner");
  return prepareContainer(driver);
}

/** Who names a runner wants to know that a registry doesn't answer; for `auto` that is one more reason to skip. */
async function orSkip(prepare: () => Promise<Prepared>): Promise<Prepared> {
  try {
    return await prepare();
  } catch (error) {
    if (error instanceof Unobtainable) return { skip: error.message };
    throw error;
  }
}
