import { HarnessError } from "../types";
import { ApiClient } from "./api-client";
import { clearIfThere } from "./failpoint-guard";
import type { FailpointTarget } from "./failpoint-guard";
import type { CallOptions } from "./http/client";

/**
 * What a failpoint does, in the syntax of the Rust crate `fail`: `off`, `pause`, `exit`, `return(1000)`, `1*return`,
 * `50%sleep(100)`, several with `->`. In Neon `return(ms)` makes a sleeping failpoint sleep that long.
 */
export type FailpointAction = "off" | "pause" | "exit" | "panic" | "return" | (string & {});

export type Failpoint = readonly [name: string, action: FailpointAction];

/** The failpoints of one node; every one of them needs an engine with the feature `failpoints`. */
export abstract class FailpointApi extends ApiClient implements FailpointTarget {
  protected abstract readonly failpointRoute: { readonly method: "PUT" | "POST"; readonly path: string };

  /** Sets several at once. A malformed action is an HttpStatusError 400; those before it in the list are set then. */
  async configureFailpoints(failpoints: readonly Failpoint[], call: CallOptions = {}): Promise<void> {
    this.need("failpoints", "set failpoints");
    await this.#assertKnown(failpoints);
    const { method, path } = this.failpointRoute;
    const body = failpoints.map(([name, actions]) => ({ name, actions }));
    try {
      await this.http.send(path, { ...call, method, body });
    } catch (error) {
      this.#record(failpoints.filter(([, action]) => action !== "off"));
      throw error;
    }
    this.#record(failpoints);
  }

  /** The node stops where the failpoint is, until it is cleared. */
  async pauseAt(name: string, call: CallOptions = {}): Promise<void> {
    await this.configureFailpoints([[name, "pause"]], call);
  }

  async clearFailpoints(names: readonly string[], call: CallOptions = {}): Promise<void> {
    await this.configureFailpoints(
      names.map((name) => [name, "off"] as const),
      call,
    );
  }

  /** Runs `fn` with the failpoint set, and clears it afterwards whatever happens. */
  async withFailpoint<T>(name: string, action: FailpointAction, fn: () => Promise<T> | T): Promise<T> {
    await this.configureFailpoints([[name, action]]);
    let result: T;
    try {
      result = await fn();
    } catch (error) {
      await clearIfThere(this, [name]).catch((second: unknown) => {
        throw new AggregateError([error, second], `failpoint ${name} could not be cleared after a failure`);
      });
      throw error;
    }
    await clearIfThere(this, [name]);
    return result;
  }

  /** A call that failed may have set some of its failpoints, so they are remembered as well. */
  #record(failpoints: readonly Failpoint[]): void {
    for (const [name, action] of failpoints) this.options.failpointGuard?.record(this, name, action);
  }

  async #assertKnown(failpoints: readonly Failpoint[]): Promise<void> {
    const { isKnownFailpoint } = this.options;
    if (isKnownFailpoint === undefined) return;
    for (const [name, action] of failpoints) {
      if (action === "off" || (await isKnownFailpoint(name))) continue;
      throw unknownFailpoint(this.http.component, name);
    }
  }
}

export function unknownFailpoint(component: string, name: string): HarnessError {
  return new HarnessError("BAD_VALUE", {
    summary: `${component} has no failpoint ${JSON.stringify(name)}`,
    expected: "a name that this build's binary contains",
    todo: "look the name up in Neon's sources at the revision of the binaries; nothing would ever reach this one",
    facts: { component, failpoint: name },
  });
}
